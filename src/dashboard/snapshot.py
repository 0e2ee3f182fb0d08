"""A project's objects at one moment, as one account may see them: what every view is made of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard import kinds
from dashboard.cluster import Acting
from dashboard.errors import RefusalError, not_found
from dashboard.kinds import Kind
from lab_ground.kubernetes.manifest import Manifest

# What each section of a project's page is made of. The first kind is what it is about: who may
# not list that one is told so; of the others, what may not be seen is left out.
SECTIONS: Mapping[str, tuple[Kind, ...]] = {
    "workbenches": (
        kinds.NOTEBOOK, kinds.POD, kinds.EVENT, kinds.CLAIM, kinds.SECRET, kinds.CONFIG_MAP,
        kinds.ROUTE,
    ),
    "storages": (kinds.CLAIM, kinds.NOTEBOOK, kinds.POD),
    "connections": (kinds.SECRET, kinds.NOTEBOOK, kinds.MODEL, kinds.PIPELINES),
    "models": (
        kinds.RUNTIME, kinds.MODEL, kinds.SECRET, kinds.ROLE_BINDING, kinds.POD, kinds.EVENT,
        kinds.ROUTE,
    ),
    "pipelines": (kinds.PIPELINES, kinds.ROUTE, kinds.POD, kinds.EVENT, kinds.SECRET),
    "permissions": (kinds.ROLE_BINDING,),
}  # fmt: skip
LOG_LINES = 20
MOST_LOGS = 6


@dataclass
class Snapshot:
    """The objects by kind and name; why a kind could not be read; last lines of failing pods."""

    namespace: str
    objects: dict[Kind, dict[str, Manifest]] = field(default_factory=dict)
    refused: dict[Kind, RefusalError] = field(default_factory=dict)
    logs: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, kind: Kind) -> list[Manifest]:
        """The objects of a kind, by name."""
        found = self.objects.get(kind, {})
        return [found[name] for name in sorted(found)]

    def get(self, kind: Kind, name: str) -> Manifest | None:
        """One object."""
        return self.objects.get(kind, {}).get(name)

    def need(self, kind: Kind) -> list[Manifest]:
        """The objects of a kind that a view is about; a RefusalError where they may not be seen."""
        if kind in self.refused:
            raise self.refused[kind]
        return self.of(kind)

    def one(self, kind: Kind, name: str, what: str) -> Manifest:
        """One object that a request names; ``what`` is its word in the sentence where it is not.

        Raises:
            RefusalError: the kind may not be seen, or there is none of the name.
        """
        self.need(kind)
        found = self.get(kind, name)
        if found is None:
            raise not_found(f"{what} {name}", self.namespace)
        return found

    def put(self, kind: Kind, items: Iterable[Manifest]) -> None:
        """Set all objects of a kind."""
        self.objects[kind] = {item["metadata"]["name"]: item for item in items}
        self.refused.pop(kind, None)

    def change(self, kind: Kind, item: Manifest, *, gone: bool) -> None:
        """Take up one change."""
        name = item["metadata"]["name"]
        if gone:
            self.objects.setdefault(kind, {}).pop(name, None)
        else:
            self.objects.setdefault(kind, {})[name] = item


async def read(acting: Acting, namespace: str, wanted: Iterable[Kind]) -> Snapshot:
    """Read kinds of a project, all at once.

    Raises:
        RefusalError: nobody is signed in, or the API server is away.
    """
    snapshot = Snapshot(namespace)

    async def one(kind: Kind) -> None:
        try:
            items, _ = await acting.list_objects(kind, namespace)
        except RefusalError as refusal:
            if refusal.status not in (403, 404):
                raise
            snapshot.refused[kind] = refusal
        else:
            snapshot.put(kind, items)

    await asyncio.gather(*(one(kind) for kind in dict.fromkeys(wanted)))
    if kinds.POD in snapshot.objects and kinds.EVENT in snapshot.objects:
        await read_logs(acting, snapshot)
    return snapshot


async def read_logs(acting: Acting, snapshot: Snapshot) -> None:
    """Read the last lines of containers that ended by themselves: they say why."""
    wanted = [
        (pod["metadata"]["name"], status["name"])
        for pod in snapshot.of(kinds.POD)
        for status in (pod.get("status") or {}).get("containerStatuses") or ()
        if not status.get("ready") and has_ended(status)
    ][:MOST_LOGS]

    async def one(pod: str, container: str) -> None:
        try:
            text = await acting.log(snapshot.namespace, pod, container, lines=LOG_LINES)
        except RefusalError:
            # No log is no failure: the events and the pod's status speak.
            return
        snapshot.logs[(pod, container)] = text

    await asyncio.gather(*(one(*key) for key in wanted))


def has_ended(status: Mapping[str, Any]) -> bool:
    """Whether a container ended, now or the last time."""
    states = (status.get("state") or {}, status.get("lastState") or {})
    return any("terminated" in state for state in states)
