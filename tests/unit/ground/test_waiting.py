"""Waiting ends, says what it waited for, and looks once more at the very end."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_ground import waiting
from lab_ground.waiting import NotInTimeError, moments, wait_for


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture(name="clock")
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    yield clock
    monkeypatch.setattr(waiting, "time", time)


def test_the_first_true_answer_is_returned_at_once(clock: Clock) -> None:
    assert wait_for(lambda: "here", 10, "it is here") == "here"
    assert clock.slept == []


def test_in_the_end_it_says_what_it_waited_for(clock: Clock) -> None:
    with pytest.raises(NotInTimeError, match=r"^the pod runs: not within 3 s; seen last: \[\]$"):
        wait_for(list, 3, "the pod runs", 1)
    assert clock.now == 3
    with pytest.raises(NotInTimeError, match=r"^phase Pending: not"):
        wait_for(list, 0, lambda: "phase Pending")


def test_only_excused_errors_are_waited_over(clock: Clock) -> None:
    answers = iter([OSError("away"), "", "there"])

    def look() -> str:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    assert wait_for(look, 9, "it answers", 1, excused=(OSError,)) == "there"
    with pytest.raises(ZeroDivisionError):
        wait_for(lambda: 1 / 0, 9, "never", excused=(OSError,))
    with pytest.raises(NotInTimeError, match="division by zero"):
        wait_for(lambda: 1 / 0, 1, "never", 1, excused=(ZeroDivisionError,))


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 30), st.floats(0.01, 10), st.floats(1, 3))
def test_it_is_bounded_and_looks_once_when_time_is_up(
    seconds: float, pause: float, growth: float
) -> None:
    clock, real = Clock(), waiting.time
    waiting.time = clock  # type: ignore[assignment]
    try:
        left = list(moments(seconds, pause, growth=growth))
    finally:
        waiting.time = real
    assert left[0] == seconds
    assert left[-1] == 0
    assert left == sorted(left, reverse=True)
    assert clock.now == pytest.approx(seconds)
