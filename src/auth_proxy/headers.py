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


def read_named_cookie(headers: Headers, wanted: str) -> str | None:
    """Return a cookie's value."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == wanted:
            return value
    return None


def read_cookie(headers: Headers, prefix: str = "") -> str | None:
    """Return the session cookie's value."""
    return read_named_cookie(headers, cookie_name(prefix))


def set_cookie(name: str, value: str, seconds: int, path: str = "/") -> str:
    """Return the header that sets a cookie of this host alone, or with no seconds removes it."""
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie[name] = value
    except CookieError as error:  # pragma: no cover - the names are ours
        raise ValueError(str(error)) from error
    morsel = cookie[name]
    morsel["path"] = path
    morsel["secure"] = True
    morsel["httponly"] = True
    morsel["samesite"] = "Lax"
    morsel["max-age"] = seconds
    return morsel.OutputString()


def session_cookie(value: str, seconds: int, prefix: str = "") -> str:
    """Return the header that sets the session cookie, or with no seconds removes it.

    With ``prefix``, the path below which this door is on a host that it shares with others, the
    browser sends it there only: no neighbour sees it.
    """
    return set_cookie(cookie_name(prefix), value, seconds, prefix or "/")


def host_of(headers: Headers) -> str:
    """Return the host, with its port if it names one, under which a browser sees this door."""
    return headers.get("x-forwarded-host") or headers.get("host", "")


def wants_page(headers: Headers) -> bool:
    """Say whether somebody looks at a page, rather than a program at an interface."""
    return (
        headers.get("x-original-method", "GET") in ("GET", "HEAD")
        and not headers.get("x-original-upgrade")
        and "text/html" in headers.get("accept", "")
    )
