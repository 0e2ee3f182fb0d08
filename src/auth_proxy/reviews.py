"""What a token's owner may do, asked with that token and remembered for a bounded time.

The proxy asks as the caller (SelfSubjectAccessReview), which every account may: so that it needs
no rights of its own, and a pod's account gets none for having a proxy beside it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab_ground.kubernetes.asking import Post, ReviewError, UnknownTokenError, may, user_of

__all__ = ["ReviewError", "Reviewer", "UnknownTokenError", "Verdict", "check_token"]

POSITIVE_SECONDS = 30.0
# A session of the login ends at every door soon after the sign-out at one.
SESSION_POSITIVE_SECONDS = 10.0
NEGATIVE_SECONDS = 5.0
LARGEST_TOKEN = 16384


@dataclass(frozen=True)
class Verdict:
    """200, 401 or 403, who it is about, and the token of a session that the door may have."""

    status: int
    user: str = ""
    message: str = ""
    token: str = ""


def check_token(post: Post, token: str, review: Mapping[str, str]) -> Verdict:
    """Ask with a token whether its owner may do what ``review`` says, and who that is."""
    if not token or len(token) > LARGEST_TOKEN or not token.isprintable():
        return Verdict(401, message="there is no token that could be checked")
    try:
        allowed, name = may(post, token, review), user_of(post, token)
    except UnknownTokenError:
        return Verdict(401, message="the token is not valid, or not any more")
    if allowed:
        return Verdict(200, name)
    what = " ".join(review.get(key, "") for key in ("verb", "resource", "name")).strip()
    return Verdict(403, name, f"{name} may not {what} in {review.get('namespace', '')}")


class Reviewer:
    """Answers from memory while it may; asks once for many who wait for the same token."""

    def __init__(
        self,
        check: Callable[[str], Verdict],
        *,
        positive: float = POSITIVE_SECONDS,
        negative: float = NEGATIVE_SECONDS,
        size: int = 4096,
        clock: Callable[[], float] = time.monotonic,
        believed: Callable[[str], float] | None = None,
    ) -> None:
        """``believed`` says of a token for how many seconds a yes is believed."""
        self._check = check
        self._believed = believed or (lambda _: positive)
        self._negative = negative
        self._size = size
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Verdict]] = OrderedDict()
        self._pending: dict[bytes, asyncio.Future[Verdict]] = {}
        self._asking = asyncio.Semaphore(8)

    @staticmethod
    def _key(token: str) -> bytes:
        return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()

    def remembered(self, token: str) -> Verdict | None:
        """Return the verdict if it is known and not too old."""
        entry = self._known.get(self._key(token))
        if entry is None or entry[0] <= self._clock():
            return None
        return entry[1]

    def forget(self, token: str) -> None:
        """Ask about a token anew the next time."""
        self._known.pop(self._key(token), None)

    async def review(self, token: str) -> Verdict:
        """Return the verdict; raise ReviewError if nobody can be asked."""
        known = self.remembered(token)
        if known is not None:
            return known
        key = self._key(token)
        pending = self._pending.get(key)
        if pending is None:
            pending = asyncio.ensure_future(self._ask(key, token))
            self._pending[key] = pending
            pending.add_done_callback(lambda _: self._pending.pop(key, None))
        return await asyncio.shield(pending)

    async def _ask(self, key: bytes, token: str) -> Verdict:
        async with self._asking:
            # Counted from before the question: an answer is never older than it seems.
            asked = self._clock()
            verdict = await asyncio.to_thread(self._check, token)
        seconds = self._believed(token) if verdict.status == 200 else self._negative
        self._known[key] = (asked + seconds, verdict)
        self._known.move_to_end(key)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return verdict
