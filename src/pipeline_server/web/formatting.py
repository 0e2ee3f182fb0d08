"""Values as people read them: durations, moments, sizes, parameters."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

LONGEST_VALUE = 4000


def duration(start: datetime | None, end: datetime | None, now: datetime | None = None) -> str:
    """Time between two moments, or up to now while there is no end: ``1 m 05 s``."""
    seconds = duration_seconds(start, end, now)
    return "" if seconds is None else span(seconds)


def duration_seconds(
    start: datetime | None, end: datetime | None, now: datetime | None = None
) -> float | None:
    """The same in seconds; None when it has not begun."""
    if start is None:
        return None
    until = _aware(end) if end else _aware(now or datetime.now(UTC))
    return max(0.0, (until - _aware(start)).total_seconds())


def span(seconds: float) -> str:
    """A number of seconds in at most two units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours == 0:
        return f"{minutes} m {rest:02d} s"
    days, hours = divmod(hours, 24)
    return f"{hours} h {minutes:02d} m" if days == 0 else f"{days} d {hours:02d} h"


def shortened(text: str, length: int) -> str:
    """A text of at most so many characters, with an ellipsis where something is left off."""
    return text if len(text) <= length else text[: length - 1] + "…"


def period(seconds: int | None) -> str:
    """A schedule's period: ``every 2 hours``; without one it is that of a single run."""
    if not seconds:
        return "once"
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            count = seconds // size
            return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    return ""


def moment(value: datetime | None) -> str:
    """Date and time to the second, in UTC."""
    return "" if value is None else _aware(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def machine_moment(value: datetime | None) -> str:
    """ISO 8601 for ``datetime`` attributes."""
    return "" if value is None else _aware(value).astimezone(UTC).isoformat()


def size(count: int | None) -> str:
    """A number of bytes with a binary unit."""
    if count is None:
        return ""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return ""


def value(item: Any) -> str:
    """A parameter's value: text as it is, everything else as JSON, never longer than a page."""
    item = whole_numbers(item)
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False, default=str)
    if len(text) > LONGEST_VALUE:
        return f"{text[:LONGEST_VALUE]}… ({len(text)} characters)"
    return text


def whole_numbers(item: Any) -> Any:
    """The same with 3 for 3.0: a compiled pipeline knows no other numbers than floats."""
    if isinstance(item, float) and item.is_integer() and abs(item) < 1e15:
        return int(item)
    if isinstance(item, list):
        return [whole_numbers(part) for part in item]
    if isinstance(item, dict):
        return {key: whole_numbers(part) for key, part in item.items()}
    return item


def number(item: float) -> str:
    """A metric with as many digits as say something."""
    return f"{item:,.0f}" if float(item).is_integer() else f"{item:.4g}"


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value
