"""One line about one object: how it is, and why it is not well."""

from __future__ import annotations

from dataclasses import dataclass

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.readiness import readiness

UP, DOWN, NONE, NOTE = "up", "DOWN", "none", "note"
# Width of the column of names, so that what follows them is read downwards.
TITLE = 16


@dataclass(frozen=True)
class Line:
    """A line of the answer.

    ``up``, ``DOWN``, ``none`` for what has not been made yet, or ``note`` for what a reader should
    know and nobody need mend.
    """

    mark: str
    text: str
    why: str = ""
    more: tuple[str, ...] = ()
    # Whether the reason stands in a column of its own, below that of the lines around it.
    aligned: bool = False

    @property
    def well(self) -> bool:
        """Tell whether nobody has to do anything: what was never made is no fault."""
        return self.mark != DOWN

    def __str__(self) -> str:
        name = f"{self.text:{TITLE}}" if self.aligned else f"{self.text}:"
        said = f"  {self.mark:4}  " + (f"{name} {self.why}" if self.why else self.text)
        indent = " " * (len("  DOWN  ") + TITLE + 1)
        return "\n".join([said, *(indent + line for line in self.more)])


def name_of(item: Manifest) -> str:
    """Return how an object is called: its kind, namespace and name."""
    metadata = item["metadata"]
    where = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{item['kind']} {where}{metadata['name']}"


def trouble_of(item: Manifest) -> str:
    """Return why an object is not well, as it says itself; empty when it is, or was stopped."""
    verdict = readiness(item)
    return "" if verdict.well else verdict.why


def replicas_of(item: Manifest) -> tuple[int, int]:
    """Return how many pods of a workload are ready, and how many should be."""
    status = item.get("status", {})
    if item["kind"] == "DaemonSet":
        return status.get("numberReady", 0), status.get("desiredNumberScheduled", 0)
    return status.get("readyReplicas") or 0, item.get("spec", {}).get("replicas", 1)


def line_of(item: Manifest) -> Line:
    """Say how one object is."""
    why = trouble_of(item)
    return Line(DOWN if why else UP, name_of(item), why)
