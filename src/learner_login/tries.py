"""Slows guessing down: after some tries that failed, the next one has to wait, longer each time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# Failures that cost nothing: of one user, and of one address, behind which a whole class may sit.
FREE = {"user": 4, "address": 40}
LONGEST_SECONDS = 60.0
FORGOTTEN_AFTER = 15 * 60.0
# The most users and addresses that are remembered; who makes up names cannot fill the memory.
MOST = 10_000


@dataclass
class _Failures:
    count: int = 0
    last: float = 0.0


class Tries:
    """Counts failures by user and by address; every function may be called from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], _Failures] = OrderedDict()

    def wait(self, user: str, address: str) -> float:
        """Return how many seconds the next try has to wait; 0 for none."""
        now = self._clock()
        with self._lock:
            return max(self._wait("user", user, now), self._wait("address", address, now))

    def _wait(self, kind: str, name: str, now: float) -> float:
        found = self._known.get((kind, name))
        if found is None or now - found.last > FORGOTTEN_AFTER:
            return 0.0
        beyond = found.count - FREE[kind]
        if beyond < 0:
            return 0.0
        return max(0.0, found.last + min(LONGEST_SECONDS, 2.0 ** min(beyond, 10)) - now)

    def failed(self, user: str, address: str) -> None:
        """Remember a failure."""
        now = self._clock()
        with self._lock:
            for key in (("user", user), ("address", address)):
                found = self._known.pop(key, _Failures())
                if now - found.last > FORGOTTEN_AFTER:
                    found.count = 0
                found.count += 1
                found.last = now
                self._known[key] = found
            while len(self._known) > MOST:
                self._known.popitem(last=False)

    def succeeded(self, user: str) -> None:
        """Forget a user's failures, not the address's: one good account would free it."""
        with self._lock:
            self._known.pop(("user", user), None)
