"""When recurring runs start their runs; pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from croniter import CroniterError, croniter

from pipeline_server.ir.errors import PipelineError

ALIASES = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_EVERY = re.compile(r"@every\s+(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$")
_MACRO = re.compile(r"\[\[(\w+)(?:\.([^\]]*))?\]\]")
_TIME_FORMAT = "%Y%m%d%H%M%S"
MAXIMUM_CRON = 255
MAXIMUM_INTERVAL = 10 * 366 * 24 * 3600
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def read_cron(text: str) -> str:
    """A cron of six fields (seconds first), of five, or an alias, as six fields; checked."""
    if len(text) > MAXIMUM_CRON:
        raise PipelineError(f"cron has {len(text)} characters; the limit is {MAXIMUM_CRON}")
    expression = ALIASES.get(text.strip().lower(), text.strip()).replace("?", "*")
    if expression.startswith("@every"):
        interval = interval_of(expression)
        if interval is None:
            raise PipelineError(f"cron {text!r} must read like '@every 1h30m10s'")
        check_interval(interval, f"cron {text!r}")
        return expression
    fields = expression.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise PipelineError(
            f"cron {text!r} has {len(fields)} fields; it needs six: "
            "second, minute, hour, day of month, month, day of week"
        )
    expression = " ".join(fields)
    try:
        moment = next_cron(expression, datetime.now(UTC))
    except (CroniterError, ValueError, KeyError, OverflowError) as error:
        raise PipelineError(f"cron {text!r} cannot be read: {error}") from None
    if moment is None:
        raise PipelineError(f"cron {text!r} never comes")
    return expression


def check_interval(seconds: int, what: str) -> None:
    """Raise for a period that no calendar could follow."""
    if not 1 <= seconds <= MAXIMUM_INTERVAL:
        raise PipelineError(f"{what} must be positive, and at most ten years")


def check_moment(moment: datetime | None, what: str) -> None:
    """Raise for a time beyond any schedule."""
    if moment is not None and not EARLIEST <= moment <= LATEST:
        raise PipelineError(f"{what} must lie between {EARLIEST.year} and {LATEST.year}")


def interval_of(expression: str) -> int | None:
    """Seconds of ``@every …``; None for anything else."""
    match = _EVERY.match(expression)
    if match is None:
        return None
    hours, minutes, seconds = (int(group or 0) for group in match.groups())
    return (hours * 60 + minutes) * 60 + seconds or None


def next_cron(expression: str, after: datetime) -> datetime | None:
    """The first moment of a cron after another."""
    interval = interval_of(expression)
    if interval is not None:
        return after + timedelta(seconds=interval)
    try:
        iterator = croniter(expression, after, second_at_beginning=True)
        return iterator.get_next(datetime).astimezone(UTC)  # type: ignore[no-any-return]
    except CroniterError as error:
        if "failed to find next date" in str(error).lower():
            return None
        raise


def next_tick(
    *,
    cron: str,
    interval_seconds: int | None,
    start_at: datetime | None,
    end_at: datetime | None,
    created_at: datetime,
    last_tick_at: datetime | None,
) -> datetime | None:
    """When the next run is due; None is never again.

    Without cron and period there is one run, due at the creation.

    A start in the past is counted from there, and what was missed is caught up. All as upstream
    does (``backend/src/crd/controller/scheduledworkflow/util``).
    """
    base = last_tick_at or start_at or created_at
    if cron:
        moment = next_cron(cron, base)
    elif interval_seconds:
        moment = base + timedelta(seconds=interval_seconds)
    else:
        return created_at if last_tick_at is None else None
    if moment is None or (end_at is not None and moment > end_at):
        return None
    return moment


def latest_tick(
    first: datetime,
    now: datetime,
    *,
    cron: str,
    interval_seconds: int | None,
    end_at: datetime | None,
    **_rest: Any,
) -> datetime:
    """Of the moments from ``first`` until now, the last one: what ``no_catchup`` runs."""
    until = min(now, end_at) if end_at is not None else now
    interval = interval_of(cron) if cron else interval_seconds
    if interval:
        missed = max(0, (until - first) // timedelta(seconds=interval))
        return first + missed * timedelta(seconds=interval)
    if not cron:
        return first
    # The moment before the next whole second: now itself counts.
    following = until.replace(microsecond=0) + timedelta(seconds=1)
    iterator = croniter(cron, following, second_at_beginning=True)
    before: datetime = iterator.get_prev(datetime)
    return max(first, before.astimezone(UTC))


def fill_macros(
    parameters: Mapping[str, Any],
    *,
    scheduled: datetime,
    current: datetime,
    index: int,
    run_id: str,
) -> dict[str, Any]:
    """Parameters with ``[[ScheduledTime]]``, ``[[CurrentTime]]`` and the like filled in."""

    def replace(match: re.Match[str]) -> str:
        name, form = match.groups()
        match name:
            case "ScheduledTime":
                return scheduled.strftime(form or _TIME_FORMAT)
            case "CurrentTime":
                return current.strftime(form or _TIME_FORMAT)
            case "Index":
                return str(index)
            case "RunUUID":
                return run_id
        return match.group(0)

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return _MACRO.sub(replace, value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        return value

    try:
        return {key: walk(value) for key, value in parameters.items()}
    except (ValueError, OverflowError) as error:
        raise PipelineError(f"a time in the parameters cannot be written: {error}") from None
