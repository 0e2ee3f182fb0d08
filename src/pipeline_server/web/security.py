"""Headers that keep pages honest, and the check that a form came from this page.

The login cookie belongs to the token proxy, which sets it SameSite. On top of it every request
that changes something must say that it comes from this very origin.
"""

from __future__ import annotations

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; font-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)
# What learners' steps wrote: an origin of its own, no network, no forms, no way out of the frame.
CONTENT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
# Text, pictures and rendered notebooks need no scripts at all.
STILL_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def page_headers() -> dict[str, str]:
    """Headers of every page."""
    return {"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-store", **COMMON}


def content_headers(*, scripts: bool) -> dict[str, str]:
    """Headers of everything that a step wrote."""
    policy = CONTENT_POLICY if scripts else STILL_POLICY
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "private, no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
        **COMMON,
    }
