"""The boards that are looked at: one for each account, kept while somebody looks."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from typing import Any

from class_board.asking import AskError
from class_board.board import Board
from dashboard import errors, kinds
from dashboard.errors import RefusalError
from dashboard.learner import Learner
from dashboard.pipelines_api import to_json

# A board that nobody looked at for so long is forgotten, with what it knows.
KEPT_SECONDS = 60.0
MOST = 32
LOOK_AGAIN_SECONDS = 2.5
ALIVE_SECONDS = 15.0
LONGEST_STREAM_SECONDS = 300.0


class Boards:
    """Boards by a digest of the token that they ask with: nobody sees what another may see."""

    def __init__(self) -> None:
        self._boards: dict[bytes, tuple[float, Board]] = {}

    async def look(self, learner: Learner) -> dict[str, Any]:
        """The class, as this account sees it.

        Raises:
            RefusalError: it has no rights in the whole cluster, or the cluster does not answer.
        """
        if not await learner.is_instructor():
            raise errors.forbidden(kinds.NAMESPACE.right("list"))
        key = hashlib.sha256(learner.token.encode()).digest()
        now = time.monotonic()
        for old in [k for k, (seen, _) in self._boards.items() if now - seen > KEPT_SECONDS]:
            await self._boards.pop(old)[1].close()
        if key not in self._boards and len(self._boards) >= MOST:
            raise RefusalError(503, "Unavailable", "Too many look at the class at once.")
        board = self._boards[key][1] if key in self._boards else Board(learner.acting.ask)
        self._boards[key] = now, board
        try:
            return await board.look()
        except AskError as error:
            raise refusal_of(error) from error

    async def close(self) -> None:
        """Forget all of them."""
        boards, self._boards = list(self._boards.values()), {}
        await asyncio.gather(*(board.close() for _, board in boards))


def refusal_of(error: AskError) -> RefusalError:
    """What the board was refused, in the dashboard's shape."""
    if error.status == 401:
        return errors.sign_in()
    reason = {403: "Forbidden", 503: "Unavailable"}.get(error.status, "Other")
    return RefusalError(error.status or 503, reason, str(error))


def event(name: str, data: Any) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {to_json(data)}\n\n".encode()


async def board_changes(boards: Boards, learner: Learner) -> AsyncIterator[bytes]:
    """The board as it changes."""
    clock = asyncio.get_running_loop().time
    began, told, sent = clock(), 0.0, b""
    while clock() - began < LONGEST_STREAM_SECONDS:
        try:
            part = event("class", await boards.look(learner))
        except RefusalError as refusal:
            part = event("failure", {**refusal.as_dict(), "status": refusal.status,
                                     "section": "class"})  # fmt: skip
        if part != sent:
            sent, told = part, clock()
            yield part
        elif clock() - told >= ALIVE_SECONDS:
            told = clock()
            yield event("alive", {})
        if b'"status":401' in part and part.startswith(b"event: failure"):
            return
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
