"""Asks servers that a project names, none of which may keep the controller from the other projects.

A server that takes a connection and says nothing, or a byte now and then, passes every limit of a
single read. So each question has a thread of its own, which is waited for only so long: one that is
still under way is no answer, and what it says later counts at the next pass.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar, cast

PATIENCE = 8.0
# Questions of one project that may be under way at once.
MOST = 4

Key = tuple[str, ...]
T = TypeVar("T")


class SilentError(Exception):
    """There is no answer yet; the message says so."""


class Asker:
    """Asks one question of a kind at a time, and waits for it so long in seconds."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._under_way: dict[Key, Future[object]] = {}
        self._slow: set[Key] = set()
        self._lock = threading.Lock()

    def ask(self, key: Key, question: Callable[[], T]) -> T:
        """What the question returns or raises.

        Args:
            key: whose question it is, its project first; it is not asked again while it is under
                way.
            question: may take any time.

        Raises:
            SilentError: it has not ended. Who was slow before is not waited for, so that many of
                them take no more of a worker's time than one.
        """
        with self._lock:
            begun = key not in self._under_way
            if begun:
                self._under_way[key] = self._start(key, question)
            future = self._under_way[key]
            patience = self._patience if begun and key not in self._slow else 0.0
        wait([future], patience)
        with self._lock:
            if not future.done():
                self._slow.add(key)
                raise SilentError(f"does not answer within {self._patience:g} s")
            if patience:
                self._slow.discard(key)
            del self._under_way[key]
        # A key is of one kind of question.
        return cast(T, future.result())

    def forget(self, *owner: str) -> None:
        """Whose questions begin so is gone; what is under way ends by itself, and still counts."""
        with self._lock:
            for key in [key for key in self._slow if key[: len(owner)] == owner]:
                self._slow.discard(key)
                if key in self._under_way and self._under_way[key].done():
                    del self._under_way[key]

    def _start(self, key: Key, question: Callable[[], T]) -> Future[object]:
        others = [one for one in self._under_way if one[0] == key[0]]
        if len(others) >= MOST:
            raise SilentError(f"is not asked while {len(others)} others of the project are silent")
        future: Future[object] = Future()

        def run() -> None:
            try:
                future.set_result(question())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="question", daemon=True).start()
        return future
