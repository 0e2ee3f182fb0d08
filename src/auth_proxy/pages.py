"""The pages a browser sees: sign in, no access, signed out. No script, nothing from elsewhere."""

from __future__ import annotations

import html
from urllib.parse import quote

HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

_STYLE = """
:root{color-scheme:light dark;--ink:#1b1b24;--soft:#5c5c68;--card:#fff;--ground:#f2f1ee;
--line:#d9d8d3;--accent:#3b38c4;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#ececf1;--soft:#a9a9b6;--card:#1e1e27;
--ground:#131319;--line:#3a3a47;--accent:#8f8cff;--bad:#ff8a80}}
body{font:16px/1.5 system-ui,"DejaVu Sans",sans-serif;display:grid;place-items:center;
min-height:100vh;margin:0;color:var(--ink);background:var(--ground)}
main{box-sizing:border-box;width:min(28rem,calc(100vw - 2rem));padding:2rem;
background:var(--card);border:1px solid var(--line);border-radius:.9rem}
.brand{margin:0 0 1.25rem;font-weight:700;color:var(--accent)}
h1{font-size:1.4rem;margin:0 0 1rem}
h2{font-size:1.05rem;margin:1.5rem 0 .75rem}
a{color:var(--accent)}
input+label{margin-top:.75rem}
label{display:block;font-weight:600;margin-bottom:.25rem}
input{width:100%;box-sizing:border-box;font:inherit;padding:.6rem .7rem;color:inherit;
background:var(--ground);border:1px solid var(--line);border-radius:.5rem}
button{font:inherit;font-weight:600;margin-top:1rem;padding:.6rem 1.5rem;border:0;
border-radius:.5rem;color:var(--card);background:var(--accent);cursor:pointer}
input:focus-visible,button:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
p{color:var(--soft)}
.error{color:var(--ink);border-left:.3rem solid var(--bad);padding-left:.75rem}
code{font-size:.9em;overflow-wrap:anywhere}
"""


def safe_target(target: str | None) -> str:
    """Return the path to go to after the sign-in: only one on this same host."""
    if (
        not target
        or not target.startswith("/")
        or target.startswith(("//", "/\\", "/oauth/"))
        or "\\" in target
        or any(ord(character) < 0x21 or ord(character) > 0x7E for character in target)
    ):
        return "/"
    return target


def login_location(target: str | None) -> str:
    """Return where the sign-in page is, for somebody on the way to ``target``."""
    return f"/oauth/login?rd={quote(safe_target(target), safe='')}"


def _page(title: str, body: str) -> bytes:
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
        f'<style>{_STYLE}</style></head><body><main><p class="brand">MNIST lab</p>'
        f"<h1>{html.escape(title)}</h1>{body}"
        "</main></body></html>\n"
    ).encode()


def _said(error: str, notice: str = "") -> str:
    """Return what a page has to say before its form."""
    told = f'<p role="status">{html.escape(notice)}</p>' if notice else ""
    return told + (f'<p class="error" role="alert">{html.escape(error)}</p>' if error else "")


def _field(name: str, label: str, more: str = "", kind: str = "password") -> str:
    return (
        f'<label for="{name}">{label}</label>'
        f'<input id="{name}" name="{name}" type="{kind}" required {more}>'
    )


def login_page(
    target: str | None, error: str = "", *, notice: str = "", passwords: bool = False
) -> bytes:
    """Return the page that takes a token, and with ``passwords`` a user and a password first.

    The forms name no action: they go to their own address, so that a ``#/…`` at the end of the
    address that was asked for (Elyra's link to a run) outlives the sign-in.
    """
    way = f'<input type="hidden" name="rd" value="{html.escape(safe_target(target), quote=True)}">'
    first = (
        f'<form method="post" id="by-password">{way}'
        + _field("user", "User", 'autocomplete="username" autocapitalize="none" autofocus', "text")
        + _field("password", "Password", 'autocomplete="current-password"')
        + "<button>Sign in</button></form>"
        '<p><a href="/oauth/password">Change the password</a></p><h2>Or with a token</h2>'
        if passwords
        else ""
    )
    focus = "" if passwords else "autofocus"
    return _page(
        "Sign in to the MNIST lab",
        f'{_said(error, notice)}{first}<form method="post" id="by-token">{way}'
        + _field("token", "Kubernetes token", f'autocomplete="off" {focus}'.rstrip())
        + "<button>Sign in</button></form>"
        "<p>Run <code>./lab status</code> on the lab's machine for a link that signs you in "
        "without a token.</p>",
    )


def password_page(error: str = "") -> bytes:
    """Return the page on which a learner changes the password."""
    return _page(
        "Change the password",
        f'{_said(error)}<form method="post" action="/oauth/password">'
        + _field("user", "User", 'autocomplete="username" autocapitalize="none" autofocus', "text")
        + _field("password", "Password", 'autocomplete="current-password"')
        + _field("new", "New password, 10 signs or more", 'autocomplete="new-password"')
        + _field("again", "The new password once more", 'autocomplete="new-password"')
        + "<button>Change it</button></form>"
        '<p><a href="/oauth/login">Back to the sign-in</a></p>',
    )


def forbidden_page(message: str) -> bytes:
    """Return the page for somebody who is known and may not enter."""
    return _page(
        "You have no access here",
        f'<p class="error" role="alert">{html.escape(message)}</p>'
        '<form method="post" action="/oauth/logout"><button>Use another token</button></form>',
    )


def unavailable_page() -> bytes:
    """Return the page for when tokens cannot be checked."""
    return _page(
        "Sign-in is not available",
        '<p class="error" role="alert">The cluster did not answer. Try again in a moment.</p>',
    )


def logout_page() -> bytes:
    """Return the page that asks before it signs out."""
    return _page(
        "Sign out",
        '<form method="post" action="/oauth/logout"><button>Sign out</button></form>',
    )
