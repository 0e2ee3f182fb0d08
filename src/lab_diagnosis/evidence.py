"""What is known of a failure, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab_diagnosis.text import one_line

Thing = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """An object and what hangs on it, as plain dictionaries of the API.

    ``thing`` is None where the object does not exist. ``related`` are the objects between it and
    its pods (Deployments, ReplicaSets, Jobs …). ``logs`` has the last lines by (pod, container).
    ``accounts`` are the namespace's service accounts, ``owner`` is what the object belongs to.
    ``trouble`` says why the evidence itself could not be read; it then comes before all else.
    """

    kind: str
    name: str
    namespace: str = ""
    thing: Thing | None = None
    pods: Sequence[Thing] = ()
    related: Sequence[Thing] = ()
    claims: Sequence[Thing] = ()
    events: Sequence[Thing] = ()
    logs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    namespace_thing: Thing | None = None
    accounts: Sequence[Thing] = ()
    owner: Thing | None = None
    trouble: str = ""

    @property
    def subject(self) -> str:
        """Kind and full name, as a person would write them."""
        full = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {full}"

    def events_of(self, kind: str, name: str) -> list[Thing]:
        """Events about one object, the oldest first."""
        found = [
            event
            for event in self.events
            if (event.get("involvedObject") or {}).get("kind") == kind
            and (event.get("involvedObject") or {}).get("name") == name
        ]
        return sorted(found, key=event_time)


@dataclass(frozen=True)
class Finding:
    """A failure told: which step, which object, the cause, the command to see more."""

    subject: str
    cause: str
    command: str = ""
    step: str = ""
    certain: bool = True

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        start = f"“{one_line(self.step, 120)}” failed: " if self.step else ""
        more = f" — see more with: {self.command}" if self.command else ""
        told = f"{self.subject} {one_line(self.cause, 700)}".strip()
        return f"{start}{told}{more}"

    def as_dict(self) -> dict[str, Any]:
        """For the result of a module."""
        return {
            "step": one_line(self.step),
            "object": self.subject,
            "cause": one_line(self.cause, 700),
            "command": self.command,
            "sentence": self.sentence,
            "certain": self.certain,
        }


def event_time(event: Thing) -> str:
    """When an event was last seen; comparable as text."""
    return str(
        event.get("lastTimestamp")
        or event.get("eventTime")
        or (event.get("metadata") or {}).get("creationTimestamp")
        or ""
    )


def name_of(thing: Thing) -> str:
    """Name of an object."""
    return str((thing.get("metadata") or {}).get("name", ""))


def conditions_of(thing: Thing | None) -> list[Thing]:
    """Conditions of an object; of a Route, those of its first router."""
    status = (thing or {}).get("status") or {}
    conditions = status.get("conditions")
    if not conditions and status.get("ingress"):
        conditions = [c for entry in status["ingress"] for c in entry.get("conditions") or ()]
    return [condition for condition in conditions or () if isinstance(condition, Mapping)]
