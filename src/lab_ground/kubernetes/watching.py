"""From kopf's events to a work queue: which objects' changes ask for a pass over which object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import kopf

from lab_ground.kubernetes.metadata import controller_of
from lab_ground.kubernetes.reconciler import Key, Reconciler

KeyOf = Callable[[Mapping[str, Any]], Key | None]


def own_key(body: Mapping[str, Any]) -> Key | None:
    """The object itself."""
    metadata = body["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def owner_key(kind: str) -> KeyOf:
    """The object of that kind that controls this one."""

    def key(body: Mapping[str, Any]) -> Key | None:
        owner = controller_of(body, kind)
        return (body["metadata"].get("namespace") or "", owner) if owner else None

    return key


def label_key(label: str) -> KeyOf:
    """The object that a label of this one names."""

    def key(body: Mapping[str, Any]) -> Key | None:
        name = (body["metadata"].get("labels") or {}).get(label)
        return (body["metadata"].get("namespace") or "", name) if name else None

    return key


def constant_key(name: str) -> KeyOf:
    """Always the same: for work over everything, in one pass."""
    return lambda _: ("", name)


def watch(
    reconciler: Reconciler,
    *resource: str,
    key: KeyOf = own_key,
    delay: float = 0.0,
    **filters: Any,
) -> None:
    """Enqueue ``key(object)`` whenever an object of ``resource`` appears, changes or goes.

    A small ``delay`` lets one pass answer a burst of events.
    """

    async def changed(**event: Any) -> None:
        found = key(event["body"])
        if found is not None:
            reconciler.enqueue(*found, delay=delay)

    identifier = f"{reconciler.name}-on-{resource[-1]}"
    kopf.on.event(*resource, id=identifier, **filters)(changed)
