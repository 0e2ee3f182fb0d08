"""One function as the activator sees it: its pods, its requests, and how many pods it needs.

Everything here runs in the event loop; nothing here knows of HTTP or of Kubernetes.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from activator.scaling import Scaling


class TooManyWaitingError(Exception):
    """The function holds as many requests as it may."""


class TooLongError(Exception):
    """No pod became free in the time that a request may wait."""


@dataclass
class Pod:
    """A pod that answers, and how many requests it works on."""

    uid: str
    address: str
    load: int = 0
    refused_until: float = 0.0


@dataclass
class Function:
    """The pods and the requests of one function."""

    scaling: Scaling = field(default_factory=Scaling)
    waiting_limit: int = 500
    waiting_seconds: float = 60.0
    clock: Callable[[], float] = time.monotonic
    # Called when a request arrives that no pod can take.
    short: Callable[[], None] = lambda: None

    replicas: int = 0
    unproven: bool = False
    in_flight: int = 0
    # The most requests at once since the need was last looked at: short ones count too.
    peak: int = 0
    pods: dict[str, Pod] = field(default_factory=dict)
    # Pods that were told to end: they may still be listed as ready for a moment.
    retired: set[str] = field(default_factory=set)
    waiters: deque[asyncio.Future[Pod]] = field(default_factory=deque)
    needs: deque[tuple[float, int]] = field(default_factory=deque)

    def set_pods(self, ready: Mapping[str, str]) -> None:
        """Take note of which pods (uid to address) are ready now."""
        self.retired &= set(ready)
        for uid in set(self.pods) - set(ready):
            del self.pods[uid]
        for uid, address in ready.items():
            if uid not in self.retired and uid not in self.pods:
                self.pods[uid] = Pod(uid, address)
        self._serve_waiters()

    def _free(self) -> Pod | None:
        limit = self.scaling.concurrency
        now = self.clock()
        usable = [
            pod
            for pod in self.pods.values()
            if pod.refused_until <= now and (not limit or pod.load < limit)
        ]
        return min(usable, key=lambda pod: pod.load) if usable else None

    def _serve_waiters(self) -> None:
        while self.waiters:
            if self.waiters[0].done():
                self.waiters.popleft()
                continue
            pod = self._free()
            if pod is None:
                return
            pod.load += 1
            self.waiters.popleft().set_result(pod)

    def begin(self) -> None:
        """A request has come."""
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)

    def end(self) -> None:
        """A request is over."""
        self.in_flight -= 1

    async def acquire(self, deadline: float) -> Pod:
        """Return a pod that is free, once there is one; give it back with ``release``."""
        pod = self._free()
        if pod is not None and not self.waiters:
            pod.load += 1
            return pod
        if len(self.waiters) >= self.waiting_limit:
            raise TooManyWaitingError
        waiter: asyncio.Future[Pod] = asyncio.get_running_loop().create_future()
        self.waiters.append(waiter)
        self.short()
        try:
            async with asyncio.timeout(max(0.0, deadline - self.clock())):
                return await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self.release(waiter.result())
            elif waiter in self.waiters:
                self.waiters.remove(waiter)
            if isinstance(error, TimeoutError):
                raise TooLongError from error
            raise

    def release(self, pod: Pod) -> None:
        """Give a pod back."""
        pod.load -= 1
        self._serve_waiters()

    def refuse(self, pod: Pod, seconds: float = 1.0) -> None:
        """Leave a pod alone for a moment: it did not take the connection."""
        pod.refused_until = self.clock() + seconds
        # Nothing else may happen until then: whoever waits has to be looked after.
        asyncio.get_running_loop().call_later(seconds + 0.01, self._serve_waiters)

    def desired(self) -> int:
        """Return how many pods there should be, from what was needed within the window."""
        now = self.clock()
        need = self.scaling.wanted(max(self.peak, self.in_flight))
        self.peak = self.in_flight
        if self.unproven:
            need = max(need, 1)
        self.needs.append((now, need))
        while self.needs and self.needs[0][0] < now - self.scaling.window:
            self.needs.popleft()
        return max(number for _, number in self.needs)

    def remember(self, replicas: int) -> None:
        """Count pods that were there before this activator as needed until now."""
        self.needs.append((self.clock(), replicas))

    def retire(self) -> None:
        """Send no request any more to the pods there are: they are about to be told to end."""
        self.retired |= set(self.pods)
        self.pods.clear()

    def unretire(self, pods: Mapping[str, str]) -> None:
        """Use the pods again: they were not told to end after all."""
        self.retired.clear()
        self.set_pods(pods)
