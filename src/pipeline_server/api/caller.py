"""Who sent a request: the token that it, or the proxy before the server, brought."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from pipeline_server.services.permissions import calling

_BEARER = "bearer "


def token_of(headers: Headers) -> str:
    """The caller's token, empty where there is none.

    The proxy takes `Authorization` away and tells the token that it has checked, also that of a
    session. Inside of the project the plain port is open to workbenches and steps, which may send
    one themselves. It proves itself, whoever wrote the header.
    """
    if told := headers.get("x-forwarded-access-token", "").strip():
        return told
    stated = headers.get("authorization", "")
    return stated[len(_BEARER) :].strip() if stated.lower().startswith(_BEARER) else ""


class KnownCaller:
    """Keeps the token of the request while it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        with calling(token_of(Headers(scope=scope))):
            await self._app(scope, receive, send)
