"""Times as the API writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse(text: str | None) -> datetime:
    """A time; the beginning of time for what is none."""
    try:
        found = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return EPOCH
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def created(manifest: Mapping[str, Any]) -> datetime:
    """When an object was made."""
    return parse(manifest["metadata"].get("creationTimestamp"))


def now() -> datetime:
    """The present."""
    return datetime.now(UTC)


def present() -> str:
    """The present as the API writes it, without milliseconds."""
    return now().strftime("%Y-%m-%dT%H:%M:%SZ")
