"""What is read out of a request's headers, and the cookie that is set."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from auth_proxy.session import COOKIE

Headers = Mapping[str, str]


def read_bearer(headers: Headers) -> str | None:
    """Return the token of an Authorization header."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def read_cookie(headers: Headers) -> str | None:
    """Return the session cookie's value."""
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value
    return None


def session_cookie(value: str, seconds: int) -> str:
    """Return the header that sets the session cookie, or with no seconds removes it."""
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie[COOKIE] = value
    except CookieError as error:  # pragma: no cover - the name is ours
        raise ValueError(str(error)) from error
    morsel = cookie[COOKIE]
    morsel["path"] = "/"
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
