"""A work queue over kopf's events: level-triggered, without duplicates, with retries.

kopf tells that something changed; what is to be done is found out from the cluster's present
state. So a restart catches up by itself (kopf lists everything when it starts), nothing is
written to the objects for bookkeeping, and a burst of events of one object costs one pass.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

import kopf
from prometheus_client import Counter, Gauge, Histogram

logger = logging.getLogger(__name__)

Key = tuple[str, str]
Reconcile = Callable[[str, str], float | None]

_PASSES = Counter("lab_reconcile_total", "Passes by outcome", ["controller", "outcome"])
_SECONDS = Histogram("lab_reconcile_seconds", "Time of one pass", ["controller"])
_WAITING = Gauge("lab_reconcile_queue", "Objects that wait for a pass", ["controller"])

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 60.0


class Reconciler:
    """Calls ``reconcile(namespace, name)`` for every key that was enqueued, until it succeeds.

    ``reconcile`` may return a number of seconds after which to look again. It raises
    ``kopf.TemporaryError`` for "not yet" (with its delay), ``kopf.PermanentError`` for "never,
    unless the object changes"; anything else is retried with growing delays.
    """

    def __init__(self, name: str, reconcile: Reconcile, *, workers: int = 2) -> None:
        self.name = name
        self._reconcile = reconcile
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, Key]] = []
        self._due: dict[Key, float] = {}
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._order = itertools.count()
        self._stopped = False

    def enqueue(self, namespace: str | None, name: str, delay: float = 0.0) -> None:
        """Ask for a pass over an object; an earlier request for it is kept, a later one not."""
        key = (namespace or "", name)
        due = time.monotonic() + delay
        with self._condition:
            if self._due.get(key, float("inf")) <= due:
                return
            self._due[key] = due
            heapq.heappush(self._heap, (due, next(self._order), key))
            _WAITING.labels(self.name).set(len(self._due))
            self._start_workers()
            self._condition.notify()

    def stop(self, timeout: float = 10.0) -> None:
        """Let the passes under way end and start no more."""
        with self._condition:
            self._stopped = True
            self._condition.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start_workers(self) -> None:
        while not self._stopped and len(self._threads) < self._workers:
            thread = threading.Thread(
                target=self._work, name=f"{self.name}-{len(self._threads)}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def _next(self) -> Key | None:
        with self._condition:
            while not self._stopped:
                now = time.monotonic()
                held = []
                found = None
                while self._heap and self._heap[0][0] <= now:
                    due, order, key = heapq.heappop(self._heap)
                    if self._due.get(key) != due:
                        continue
                    if key in self._running:
                        held.append((due, order, key))
                        continue
                    found = key
                    break
                for entry in held:
                    heapq.heappush(self._heap, entry)
                if found is not None:
                    del self._due[found]
                    self._running.add(found)
                    _WAITING.labels(self.name).set(len(self._due))
                    return found
                later = [due for due, _, _ in self._heap if due > now]
                self._condition.wait(min(later) - now if later else None)
            return None

    def _work(self) -> None:
        while (key := self._next()) is not None:
            delay, outcome = self._pass(key)
            _PASSES.labels(self.name, outcome).inc()
            with self._condition:
                self._running.discard(key)
                self._condition.notify()
            if delay is not None:
                self.enqueue(*key, delay=delay)

    def _pass(self, key: Key) -> tuple[float | None, str]:
        where = {"controller": self.name, "namespace": key[0], "object": key[1]}
        try:
            with _SECONDS.labels(self.name).time():
                delay = self._reconcile(*key)
        except kopf.PermanentError as error:
            logger.error("%s: %s", self.name, error, extra=where)
            self._failures.pop(key, None)
            return None, "refused"
        except kopf.TemporaryError as error:
            logger.info("%s: %s", self.name, error, extra=where)
            return float(error.delay or 1.0), "waiting"
        except Exception as error:
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
            delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2 ** min(count, 10))
            logger.warning("%s: %s; again in %.1f s", self.name, error, delay, extra=where)
            logger.debug("%s failed", self.name, exc_info=True, extra=where)
            return delay, "failed"
        self._failures.pop(key, None)
        return delay, "done"
