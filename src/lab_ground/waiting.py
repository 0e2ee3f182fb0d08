"""Waiting, always bounded, and saying in the end what was waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

Seen = TypeVar("Seen")


class NotInTimeError(Exception):
    """What was waited for did not come about; the message says what, how long, what was seen."""

    def __init__(self, what: object, seconds: float, last: object) -> None:
        super().__init__(f"{what}: not within {seconds:g} s; seen last: {last!r}")
        self.last = last


def moments(
    seconds: float, pause: float = 0.1, *, growth: float = 1.0, longest: float = 5.0
) -> Iterator[float]:
    """Give the seconds that are left: at once, then after each pause, and once when time is up.

    A loop over it that ends by itself has seen how things were at the very end. The pause grows by
    the factor ``growth`` to ``longest`` seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        yield max(left, 0.0)
        if left <= 0:
            return
        time.sleep(max(min(pause, deadline - time.monotonic()), 0.0))
        pause = min(pause * growth, max(longest, pause))


def wait_for(
    look: Callable[[], Seen],
    seconds: float,
    what: str | Callable[[], object],
    pause: float = 0.1,
    *,
    excused: tuple[type[BaseException], ...] = (),
) -> Seen:
    """Return what ``look`` returns once that is true.

    ``what`` says what is waited for, or is asked when it did not come about. An ``excused``
    exception of ``look`` counts as not yet.

    Raises:
        NotInTimeError: it was not true within ``seconds``.
    """
    last: object = None
    for _ in moments(seconds, pause):
        try:
            seen = look()
        except excused as error:
            last = error
            continue
        if seen:
            return seen
        last = seen
    raise NotInTimeError(what if isinstance(what, str) else what(), seconds, last)
