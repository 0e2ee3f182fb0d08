"""When recurring runs are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline_server.ir.errors import PipelineError
from pipeline_server.services import schedules

MONDAY = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
SCHEDULE: dict[str, Any] = {
    "cron": "",
    "interval_seconds": None,
    "start_at": None,
    "end_at": None,
    "created_at": MONDAY,
}


def tick(last: datetime | None = None, **changes: Any) -> datetime | None:
    return schedules.next_tick(last_tick_at=last, **{**SCHEDULE, **changes})


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("0 0 9 ? * 2-6", MONDAY.replace(day=6, hour=9, minute=0)),
        ("*/10 * * * * *", MONDAY + timedelta(seconds=10)),
        ("0 9 * * *", MONDAY.replace(hour=9, minute=0)),
        ("@hourly", MONDAY.replace(hour=9, minute=0)),
        ("@every 1h30m", MONDAY + timedelta(minutes=90)),
    ],
)
def test_cron(cron: str, expected: datetime) -> None:
    assert tick(cron=schedules.read_cron(cron)) == expected


@pytest.mark.parametrize("cron", ["", "* * *", "61 * * * * *", "a b c d e f", "@every soon"])
def test_a_cron_that_cannot_be_read(cron: str) -> None:
    with pytest.raises(PipelineError, match="cron"):
        schedules.read_cron(cron)


def test_periods() -> None:
    first = tick(interval_seconds=60)
    assert first == MONDAY + timedelta(seconds=60)
    assert tick(first, interval_seconds=60) == MONDAY + timedelta(seconds=120)


def test_start_and_end() -> None:
    start = MONDAY + timedelta(days=1)
    assert tick(cron="0 0 * * * *", start_at=start) == start.replace(hour=9, minute=0)
    assert tick(interval_seconds=60, end_at=MONDAY + timedelta(seconds=59)) is None


def test_without_a_period_there_is_one_moment_which_is_the_creation() -> None:
    assert tick() == MONDAY
    assert tick(MONDAY) is None
    whole = {"cron": "", "interval_seconds": None, "end_at": None}
    assert schedules.latest_tick(MONDAY, MONDAY + YEAR, **whole) == MONDAY


YEAR = timedelta(days=365)


@pytest.mark.parametrize(
    ("changes", "now", "expected"),
    [
        ({"interval_seconds": 60}, timedelta(minutes=10, seconds=30), timedelta(minutes=10)),
        ({"interval_seconds": 60}, timedelta(minutes=10), timedelta(minutes=10)),
        ({"interval_seconds": 1}, YEAR, YEAR),
        ({"cron": "@every 1s"}, YEAR, YEAR),
        ({"cron": "*/10 * * * * *"}, YEAR + timedelta(seconds=15.5), YEAR + timedelta(seconds=10)),
        ({"cron": "*/10 * * * * *"}, timedelta(seconds=30), timedelta(seconds=30)),
        (
            {"interval_seconds": 60, "end_at": MONDAY + timedelta(minutes=5)},
            YEAR,
            timedelta(minutes=5),
        ),
        (
            {"cron": "0 * * * * *", "end_at": MONDAY + timedelta(minutes=5)},
            YEAR,
            timedelta(minutes=5),
        ),
        ({"cron": "0 0 9 * * *"}, timedelta(minutes=5), timedelta(minutes=30)),
    ],
)
def test_only_the_latest_of_the_missed(
    changes: dict[str, Any], now: timedelta, expected: timedelta
) -> None:
    """However long the server was away: a year of seconds is more than anyone would count."""
    schedule = {**SCHEDULE, **changes}
    first = schedules.next_tick(last_tick_at=None, **schedule)
    assert first is not None
    assert schedules.latest_tick(first, MONDAY + now, **schedule) == MONDAY + expected


def test_a_macro_that_no_calendar_writes() -> None:
    parameters = {"a": "[[ScheduledTime.\ud800]]"}
    with pytest.raises(PipelineError, match="cannot be written"):
        schedules.fill_macros(parameters, scheduled=MONDAY, current=MONDAY, index=1, run_id="r")


def test_macros() -> None:
    filled = schedules.fill_macros(
        {
            "a": "at [[ScheduledTime]] #[[Index]]",
            "b": ["[[ScheduledTime.%Y]]"],
            "c": 5,
            "d": "[[X]]",
        },
        scheduled=MONDAY,
        current=MONDAY,
        index=3,
        run_id="r",
    )
    assert filled == {"a": "at 20260105083000 #3", "b": ["2026"], "c": 5, "d": "[[X]]"}


@pytest.mark.parametrize("schedule", [{"interval_seconds": 3600}, {"cron": "0 0 * * * *"}])
def test_a_start_in_the_past_is_counted_from_there(schedule: dict[str, Any]) -> None:
    """Every moment since then comes, one by one."""
    start = MONDAY.replace(hour=0, minute=0) - timedelta(days=1)
    found = [tick(start_at=start, **schedule)]
    for _ in range(2):
        found.append(tick(last=found[-1], start_at=start, **schedule))
    assert found == [start + timedelta(hours=hours) for hours in (1, 2, 3)]
