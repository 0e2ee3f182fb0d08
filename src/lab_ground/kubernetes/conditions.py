"""Status conditions as Kubernetes' conventions want them: the time moves only with the status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

Condition = dict[str, Any]


def now() -> str:
    """Return the present time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def set_condition(
    conditions: Iterable[Mapping[str, Any]] | None,
    type: str,
    status: bool | str,
    reason: str,
    message: str = "",
    *,
    observed_generation: int | None = None,
) -> list[Condition]:
    """Return the conditions with one set; an unchanged status keeps its transition time."""
    if isinstance(status, bool):
        status = "True" if status else "False"
    result = [dict(condition) for condition in conditions or []]
    new: Condition = {"type": type, "status": status, "reason": reason, "message": message}
    if observed_generation is not None:
        new["observedGeneration"] = observed_generation
    for index, old in enumerate(result):
        if old.get("type") == type:
            same = old.get("status") == status and old.get("lastTransitionTime")
            new["lastTransitionTime"] = old["lastTransitionTime"] if same else now()
            result[index] = new
            return result
    new["lastTransitionTime"] = now()
    return [*result, new]


def get_condition(
    conditions: Iterable[Mapping[str, Any]] | None, type: str
) -> Mapping[str, Any] | None:
    """Return the condition of that type, if it is set."""
    return next((c for c in conditions or [] if c.get("type") == type), None)


def is_true(conditions: Iterable[Mapping[str, Any]] | None, type: str) -> bool:
    """Say whether the condition of that type is ``True``."""
    condition = get_condition(conditions, type)
    return condition is not None and condition.get("status") == "True"
