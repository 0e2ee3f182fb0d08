"""HTTP as nginx speaks it to the authoriser, over a unix socket.

It is only that much, so a request costs tens of microseconds and not a framework's millisecond.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from auth_proxy.authoriser import Authoriser
from auth_proxy.headers import Headers

logger = logging.getLogger(__name__)

_REASONS = {
    200: "OK",
    302: "Found",
    303: "See Other",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_LARGEST_HEAD = 256 * 1024
_LARGEST_BODY = 64 * 1024


class _Protocol(asyncio.Protocol):
    """HTTP/1.1 as nginx speaks it: no chunked bodies, one request after the other."""

    def __init__(self, authoriser: Authoriser) -> None:
        self._authoriser = authoriser
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._task is None:
            self._next()

    def _next(self) -> None:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            if len(self._buffer) > _LARGEST_HEAD:
                self._write(413, {}, b"", last=True)
            return
        lines = head.decode("latin-1").split("\r\n")
        try:
            method, target, _ = lines[0].split(" ")
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            length = int(headers.get("content-length") or 0)
        except ValueError:
            self._write(400, {}, b"", last=True)
            return
        if length < 0 or length > _LARGEST_BODY:
            self._write(413, {}, b"", last=True)
            return
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        self._task = asyncio.create_task(self._serve(method, target, headers, rest[:length]))

    async def _serve(self, method: str, target: str, headers: Headers, body: bytes) -> None:
        try:
            answer = await self._authoriser.answer(method, target, headers, body)
        except Exception:
            logger.exception("the authoriser failed")
            answer = (500, {}, b"")
        status, extra, content = answer
        self._write(status, extra, b"" if method == "HEAD" else content)
        self._task = None
        if self._buffer:
            self._next()

    def _write(
        self, status: int, headers: Mapping[str, str], body: bytes, *, last: bool = False
    ) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"]
        for name, value in headers.items():
            clean = value.replace("\r", " ").replace("\n", " ")
            lines.append(f"{name}: {clean}")
        lines.append(f"Content-Length: {len(body)}")
        if last:
            lines.append("Connection: close")
        text = "\r\n".join(lines) + "\r\n\r\n"
        self._transport.write(text.encode("utf-8") + body)
        if last:
            self._transport.close()


async def serve(authoriser: Authoriser, socket: Path) -> asyncio.AbstractServer:
    """Listen on a unix socket."""
    socket.unlink(missing_ok=True)
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: _Protocol(authoriser), str(socket))
