"""One line about one object: how it is, and why it is not well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Manifest = dict[str, Any]

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


def condition_of(item: Manifest, kind: str) -> Manifest:
    """Return one condition of an object, empty where it has none of that type."""
    for condition in item.get("status", {}).get("conditions", []) or []:
        if condition.get("type") == kind:
            return dict(condition)
    return {}


def trouble_of(item: Manifest) -> str:
    """Return why an object is not well, as it says itself; empty when it is."""
    kind = item["kind"]
    if kind in ("Deployment", "StatefulSet", "DaemonSet"):
        ready, wanted = replicas_of(item)
        if ready >= wanted:
            return ""
        message = condition_of(item, "Available").get("message") or "its pods are not ready"
        return f"{ready} of {wanted} ready, {message}"
    if kind == "Route":
        return _trouble_of_route(item)
    if kind == "Notebook" and is_stopped(item):
        return ""
    ready_condition = condition_of(item, "Ready")
    if not ready_condition and kind == "Notebook":
        well = bool(item.get("status", {}).get("readyReplicas"))
        return "" if well else "its pod is not ready yet"
    if ready_condition.get("status") == "True":
        return ""
    return str(ready_condition.get("message") or ready_condition.get("reason") or "not ready yet")


def _trouble_of_route(item: Manifest) -> str:
    ingress = item.get("status", {}).get("ingress") or []
    if not ingress:
        return "no router has taken it up yet"
    for condition in ingress[0].get("conditions") or []:
        if condition.get("type") == "Admitted" and condition.get("status") != "True":
            return str(condition.get("message") or condition.get("reason") or "it is refused")
    return ""


def replicas_of(item: Manifest) -> tuple[int, int]:
    """Return how many pods of a workload are ready, and how many should be."""
    status = item.get("status", {})
    if item["kind"] == "DaemonSet":
        return status.get("numberReady", 0), status.get("desiredNumberScheduled", 0)
    return status.get("readyReplicas") or 0, item.get("spec", {}).get("replicas", 1)


def is_stopped(notebook: Manifest) -> bool:
    """Tell whether somebody has stopped this workbench."""
    return "kubeflow-resource-stopped" in (notebook["metadata"].get("annotations") or {})


def line_of(item: Manifest) -> Line:
    """Say how one object is."""
    why = trouble_of(item)
    return Line(DOWN if why else UP, name_of(item), why)
