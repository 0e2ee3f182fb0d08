"""Times as APIs write them; None for what is none."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime


def parse(text: str | None) -> datetime | None:
    """A moment, in UTC where the text names no zone."""
    try:
        found = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    # The pipelines API has the beginning of time for what has not ended.
    if found.year <= 1970:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def write(moment: datetime | None) -> str | None:
    """A moment for an answer, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """The last of some moments."""
    return max((moment for moment in moments if moment), default=None)
