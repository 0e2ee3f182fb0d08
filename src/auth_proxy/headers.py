"""What is read out of a request's headers, and the cookie that is set."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from auth_proxy.session import BELOW_COOKIE, COOKIE

Headers = Mapping[str, str]


def read_bearer(headers: Headers) -> str | None:
    """Return the token of an Authorization header."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def cookie_name(prefix: str = "") -> str:
    """Return the session cookie's name: below a prefix it cannot be the whole host's."""
    return BELOW_COOKIE if prefix else COOKIE


def read_cookie(headers: Headers, prefix: str = "") -> str | None:
    """Return the session cookie's value."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == cookie_name(prefix):
            return value
    return None


def session_cookie(value: str, seconds: int, prefix: str = "") -> str:
    """Return the header that sets the session cookie, or with no seconds removes it.

    With ``prefix``, the path below which this door is on a host that it shares with others, the
    browser sends it there only: no neighbour sees it.
    """
    cookie: SimpleCookie = SimpleCookie()
    name = cookie_name(prefix)
    try:
        cookie[name] = value
    except CookieError as error:  # pragma: no cover - the name is ours
        raise ValueError(str(error)) from error
    morsel = cookie[name]
    morsel["path"] = prefix or "/"
    morsel["secure"] = True
    morsel["httponly"] = True
    morsel["samesite"] = "Lax"
    morsel["max-age"] = seconds
    return morsel.OutputString()


def wants_page(headers: Headers) -> bool:
    """Say whether somebody looks at a page, rather than a program at an interface."""
    return (
        headers.get("x-original-method", "GET") in ("GET", "HEAD")
        and not headers.get("x-original-upgrade")
        and "text/html" in headers.get("accept", "")
    )
