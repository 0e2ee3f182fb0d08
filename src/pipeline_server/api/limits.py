"""No request's body is read without end."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline_server.api.common import error_reply

MAXIMUM_BODY = 64 * 1024 * 1024
# A pipeline's document and a run's parameters: read at once, and some times larger in memory.
MAXIMUM_JSON = 24 * 1024 * 1024


class LimitedBodies:
    """Refuses bodies beyond the limit, declared or not. Uploads have a lower one of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, counting."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        form = headers.get(b"content-type", b"").startswith(b"multipart/")
        limit = MAXIMUM_BODY if form or not scope["path"].startswith("/apis/") else MAXIMUM_JSON
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            reply = error_reply(413, 8, f"the request is larger than {limit} bytes")
            await reply(scope, receive, send)
            return
        count = 0

        async def counted() -> Message:
            nonlocal count
            message = await receive()
            count += len(message.get("body", b""))
            if count > limit:
                raise HTTPException(413, f"the request is larger than {limit} bytes")
            return message

        await self.app(scope, counted, send)
