"""What a token's owner may do, asked with that token and remembered for a bounded time.

The proxy asks as the caller (SelfSubjectAccessReview), which every account may: so that it needs
no rights of its own, and a pod's account gets none for having a proxy beside it.

Only the standard library: this runs beside every workbench, server and model.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import os
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

API_DIRECTORY = Path("/etc/auth-proxy/api")
_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_IDENTITY = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
POSITIVE_SECONDS = 30.0
NEGATIVE_SECONDS = 5.0
LARGEST_TOKEN = 16384


@dataclass(frozen=True)
class Verdict:
    """200, 401 or 403, and who it is about."""

    status: int
    user: str = ""
    message: str = ""


class ReviewError(Exception):
    """The API server could not be asked."""


class UnknownTokenError(Exception):
    """The API server does not know the token, or not any more."""


Post = Callable[[str, Mapping[str, Any], str], dict[str, Any]]


class Api:
    """Asks the API server as whoever has a token, over one kept connection for each thread."""

    def __init__(self, directory: Path = API_DIRECTORY) -> None:
        self._host = os.environ["KUBERNETES_SERVICE_HOST"]
        self._port = int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
        self._context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        self._local = threading.local()

    def post(self, path: str, body: Mapping[str, Any], token: str) -> dict[str, Any]:
        """Create a review with a token and return it with its answer.

        Raises:
            UnknownTokenError: the token is not valid.
            ReviewError: the API server does not answer, or with an error.
        """
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for attempt in (1, 2):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=5, context=self._context
                )
                self._local.connection = connection
            try:
                connection.request("POST", path, json.dumps(body), headers)
                response = connection.getresponse()
                data = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                if attempt == 2:
                    raise ReviewError(f"the API server does not answer: {error}") from error
                continue
            if response.status == 401:
                raise UnknownTokenError(path)
            if response.status >= 300:
                raise ReviewError(f"the API server refused {path}: {response.status}")
            answer: dict[str, Any] = json.loads(data)
            return answer
        raise ReviewError("the API server does not answer")


def check_token(post: Post, token: str, review: Mapping[str, str]) -> Verdict:
    """Ask with a token whether its owner may do what ``review`` says, and who that is."""
    if not token or len(token) > LARGEST_TOKEN or not token.isprintable():
        return Verdict(401, message="there is no token that could be checked")
    question = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": dict(review)},
    }
    who = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        allowed = (post(_ACCESS, question, token).get("status") or {}).get("allowed")
        answer = post(_IDENTITY, who, token)
    except UnknownTokenError:
        return Verdict(401, message="the token is not valid, or not any more")
    user = (answer.get("status") or {}).get("userInfo") or {}
    name = str(user.get("username", ""))
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
    ) -> None:
        self._check = check
        self._positive = positive
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
        seconds = self._positive if verdict.status == 200 else self._negative
        self._known[key] = (asked + seconds, verdict)
        self._known.move_to_end(key)
        while len(self._known) > self._size:
            self._known.popitem(last=False)
        return verdict
