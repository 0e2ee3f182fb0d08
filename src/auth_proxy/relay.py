"""Carries upgraded connections (WebSockets), and looks at their tokens again while they last.

nginx asks about a request once, when it begins, and a WebSocket is one request for a whole day. So
nginx sends upgrades through here: bytes go both ways as they come, and when the token is refused
both ends are closed. The server behind goes on (a kernel keeps its state); a client with a good
token connects anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from auth_proxy.headers import Headers
from auth_proxy.reviews import ReviewError, Verdict

logger = logging.getLogger(__name__)

# A review is remembered for 30 s at most, so a refused token is noticed within 50 s.
REVIEW_SECONDS = 20.0
# nginx passes on what it checked the request by, under names that the server behind never sees.
PREFIX = "x-relay-"
_CONNECT_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_LARGEST_HEAD = 256 * 1024
_PIECE = 64 * 1024

Review = Callable[[Headers], Awaitable[Verdict]]


def split_head(head: bytes) -> tuple[bytes, dict[str, str]]:
    """Part a request's head into what the server behind gets, and the headers that are ours."""
    kept, ours = [], {}
    for line in head.removesuffix(b"\r\n\r\n").split(b"\r\n"):
        name, _, value = line.decode("latin-1").partition(":")
        if name.lower().startswith(PREFIX):
            ours[name.lower().removeprefix(PREFIX)] = value.strip()
        else:
            kept.append(line)
    return b"\r\n".join(kept) + b"\r\n\r\n", ours


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close when what was written has gone, or soon in any case: some do not read any more."""
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), _CLOSE_SECONDS)
    writer.transport.abort()


class Relay:
    """Connects nginx with the server behind for as long as the token is good."""

    def __init__(self, upstream: str, review: Review, seconds: float = REVIEW_SECONDS) -> None:
        self._host, _, port = upstream.rpartition(":")
        self._port = int(port)
        self._review = review
        self._seconds = seconds

    async def listen(self, socket: Path) -> asyncio.AbstractServer:
        """Listen on a unix socket."""
        socket.unlink(missing_ok=True)
        return await asyncio.start_unix_server(self._serve, str(socket), limit=_LARGEST_HEAD)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head, ours = split_head(await reader.readuntil(b"\r\n\r\n"))
            connecting = asyncio.open_connection(self._host, self._port)
            there = await asyncio.wait_for(connecting, _CONNECT_SECONDS)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            logger.info("an upgrade did not reach the server behind: %s", error)
            await _close(writer)
            return
        there[1].write(head)
        parts = (_copy(reader, there[1]), _copy(there[0], writer), self._watch(ours))
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            # Who ended it has been told by its own close; what broke on the way is no error here.
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(_close(writer), _close(there[1]))

    async def _watch(self, headers: Headers) -> None:
        """Come back when the token is refused; while nobody can be asked, nothing is cut."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                verdict = await self._review(headers)
            except ReviewError as error:
                logger.warning("%s", error)
                continue
            if verdict.status != 200:
                who = verdict.user or "a session that was signed in"
                logger.info("cut a connection of %s: %s", who, verdict.message)
                return
