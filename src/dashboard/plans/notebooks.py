"""What plans that change Notebooks share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Thing = Mapping[str, Any]


def containers_of(notebook: Thing) -> list[Any]:
    """A Notebook's containers."""
    return list(notebook["spec"]["template"]["spec"].get("containers") or [])


def restore(notebook: Thing) -> dict[str, Any]:
    """Merge patch that gives a Notebook back the volumes and containers that it had."""
    spec = notebook["spec"]["template"]["spec"]
    before = {"containers": containers_of(notebook), "volumes": spec.get("volumes") or []}
    return {"spec": {"template": {"spec": before}}}
