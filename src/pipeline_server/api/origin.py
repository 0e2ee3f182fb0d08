"""A browser that has signed in changes nothing on behalf of another site."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline_server.api.common import error_reply

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OWN = frozenset({b"same-origin", b"none"})


class OwnOrigin:
    """Refuses changing requests to the API that a page of another origin has made.

    The API takes the cookie of the page's login, too, and a request without a body, or with a
    form, is sent without asking first. ``Sec-Fetch-Site`` is the browser's own word. A browser that
    is older than it (or speaks plain HTTP) sends ``Origin`` with each such request, which must be
    the page's own host; clients that are no browsers send neither, and hold a token that no other
    site can use.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and _is_foreign(scope):
            reply = error_reply(403, 7, "a page of another site may not change anything here")
            await reply(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    if scope["method"] in SAFE_METHODS or not scope["path"].startswith("/apis/"):
        return False
    sites = _values(scope, b"sec-fetch-site")
    if sites:
        return bool(sites - OWN)
    hosts = _values(scope, b"host") | _values(scope, b"x-forwarded-host")
    return any(_host_of(origin) not in hosts for origin in _values(scope, b"origin"))


def _values(scope: Scope, name: bytes) -> set[bytes]:
    return {value.strip().lower() for key, value in scope["headers"] if key == name}


def _host_of(origin: bytes) -> bytes:
    """Host and port of an origin, as ``Host`` has them; empty for one that hides itself (null)."""
    scheme, _, host = origin.partition(b"://")
    default = {b"http": b":80", b"https": b":443"}.get(scheme, b"")
    return host.removesuffix(default) if default else b""
