"""The last requests that the checks made, for the report of a broken step."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import requests

KEPT = 12


class Traffic:
    """Remembers what was asked and what came back; never a header or a body."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self._lines: deque[str] = deque(maxlen=KEPT)

    def __call__(self) -> str:
        """Return the last requests, a line each, the oldest first."""
        return "\n".join(self._lines)

    def note(self, request: requests.PreparedRequest, outcome: str, seconds: float) -> None:
        """Keep one request; its query is left out, since it may hold a credential."""
        address = str(request.url).partition("?")[0]
        self._lines.append(f"{request.method} {address}: {outcome} in {1000 * seconds:.0f} ms")


class WatchedSession(requests.Session):
    """A session that notes its requests, answered or not."""

    def __init__(self, traffic: Traffic) -> None:
        """Note every request in ``traffic``."""
        super().__init__()
        self._traffic = traffic

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send as requests does."""
        began = time.perf_counter()
        try:
            answer = super().send(request, **options)
        except requests.RequestException as error:
            self._traffic.note(request, type(error).__name__, time.perf_counter() - began)
            raise
        self._traffic.note(request, str(answer.status_code), time.perf_counter() - began)
        return answer
