"""What the nodes can carry: allocatable, what is asked for already, and what a seat takes."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from lab_ground.kubernetes.manifest import Manifest

GIB = 1024**3
_UNITS: dict[str, int | Decimal] = {
    "": 1, "m": Decimal("0.001"), "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)")


@dataclass(frozen=True)
class Amount:
    """CPU in millicores, memory in bytes, and a number of pods."""

    cpu: float = 0
    memory: float = 0
    pods: float = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.cpu + other.cpu, self.memory + other.memory, self.pods + other.pods)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.cpu - other.cpu, self.memory - other.memory, self.pods - other.pods)

    def times(self, count: float) -> Amount:
        """Return so many of it."""
        return Amount(self.cpu * count, self.memory * count, self.pods * count)

    def largest(self, other: Amount) -> Amount:
        """Return the larger of each."""
        return Amount(
            max(self.cpu, other.cpu), max(self.memory, other.memory), max(self.pods, other.pods)
        )

    def holds(self, each: Amount) -> int:
        """Return how many of ``each`` fit; none where something is overdrawn already."""
        fits = [
            math.floor(there / wanted + 1e-9)
            for there, wanted in (
                (self.cpu, each.cpu), (self.memory, each.memory), (self.pods, each.pods)
            )
            if wanted
        ]  # fmt: skip
        return max(0, min(fits)) if fits else 0

    def __str__(self) -> str:
        return f"{self.cpu / 1000:.2f} cores and {self.memory / GIB:.2f} GiB"


# Measured on two cores, of one seat: its pods' requests, and the memory that they really take.
# The default workbench asks for 100 millicores and runs a server beside a token proxy.
COSTS = {
    "project": Amount(50, 0.44 * GIB, 3),
    "workbench": Amount(160, 0.65 * GIB, 4),
    "served": Amount(340, 1.05 * GIB, 8),
}
# What a seat takes whose learner has the four notebooks open at once.
BUSY_MEMORY = 3.8 * GIB


def quantity(value: str | None) -> Decimal:
    """Return a Kubernetes quantity as a number; 0 for none or one that cannot be read."""
    match = _QUANTITY.fullmatch(str(value or "0").strip())
    if not match or match[2] not in _UNITS:
        return Decimal(0)
    return Decimal(match[1]) * _UNITS[match[2]]


def requested(pod: Manifest) -> Amount:
    """Return what a pod asks of its node: the sum of its containers, or its largest init one."""
    spec = pod.get("spec") or {}

    def of(container: Manifest) -> Amount:
        wanted = (container.get("resources") or {}).get("requests") or {}
        return Amount(
            float(quantity(wanted.get("cpu")) * 1000), float(quantity(wanted.get("memory")))
        )

    running = Amount()
    first = Amount()
    for container in spec.get("containers") or []:
        running += of(container)
    for container in spec.get("initContainers") or []:
        if container.get("restartPolicy") == "Always":
            running += of(container)
        else:
            first = first.largest(of(container))
    overhead = spec.get("overhead") or {}
    beside = Amount(
        float(quantity(overhead.get("cpu")) * 1000), float(quantity(overhead.get("memory"))), 1
    )
    return running.largest(first) + beside


@dataclass(frozen=True)
class Node:
    """A node that takes pods: what it has, and what is left of it."""

    name: str
    allocatable: Amount
    free: Amount


def takes_pods(node: Manifest) -> bool:
    """Tell whether a node is ready and lets ordinary pods in."""
    spec = node.get("spec") or {}
    conditions = (node.get("status") or {}).get("conditions") or []
    ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
    barred = any(
        taint.get("effect") in ("NoSchedule", "NoExecute") for taint in spec.get("taints") or []
    )
    return ready and not spec.get("unschedulable") and not barred


def measure(
    nodes: Iterable[Manifest], pods: Sequence[Manifest], seats: Iterable[str] = ()
) -> list[Node]:
    """Return the nodes that take pods.

    A pod counts with what it asks for. What the ``seats`` (namespaces) on the nodes take beyond
    that, by what was measured of one at rest, is spread evenly over the nodes.
    """
    live = [
        pod for pod in pods if (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")
    ]
    taking = [node for node in nodes if takes_pods(node)]
    beyond = Amount()
    for namespace in seats:
        asked = Amount()
        for pod in live:
            if pod["metadata"].get("namespace") == namespace:
                asked += requested(pod)
        beyond += asked.largest(COSTS["workbench"]) - asked
    share = beyond.times(1 / len(taking)) if taking else beyond
    found = []
    for node in taking:
        told = (node.get("status") or {}).get("allocatable") or {}
        has = Amount(
            float(quantity(told.get("cpu")) * 1000),
            float(quantity(told.get("memory"))),
            float(quantity(told.get("pods"))),
        )
        name = node["metadata"]["name"]
        used = Amount()
        for pod in live:
            if (pod.get("spec") or {}).get("nodeName") == name:
                used += requested(pod)
        found.append(Node(name, has, has - used - share))
    return found


def fitting(nodes: Iterable[Node], step: str) -> int:
    """Return how many more seats of a step fit; a seat's pods are counted on one node."""
    return sum(node.free.holds(cost_of(step)) for node in nodes)


def cost_of(step: str) -> Amount:
    """Return what one seat of a step takes."""
    return COSTS.get(step, COSTS["served"])


def report(nodes: Sequence[Node], step: str, wanted: int) -> list[str]:
    """Tell what there is, what a seat takes, what fits, and what ``wanted`` would need."""
    each = cost_of(step)
    total, free = Amount(), Amount()
    for node in nodes:
        total += node.allocatable
        free += node.free
    lines = [
        f"{len(nodes)} node{'s' if len(nodes) != 1 else ''} with {total}, of which {free} are free",
        f"a seat with its workbench takes {COSTS['workbench']} "
        f"(at rest {COSTS['project']}, with its model served {COSTS['served']})",
        "so there is room for "
        + ", ".join(
            f"{fitting(nodes, name)} more {told}"
            for name, told in (
                ("project", "at rest"), ("workbench", "with workbenches"), ("served", "served")
            )
        ),
    ]  # fmt: skip
    need = each.times(wanted) - free
    lacks = []
    if need.cpu > 0:
        lacks.append(f"{need.cpu / 1000:.1f} cores")
    if need.memory > 0:
        lacks.append(f"{need.memory / GIB:.0f} GiB of memory")
    if need.pods > 0:
        lacks.append(f"room for {need.pods:.0f} pods")
    lines.append(
        f"{wanted} seats need {each.times(wanted)}"
        + (f": {' and '.join(lacks)} more than there is" if lacks else ", which there is")
        + f"; with the four notebooks open in each, {BUSY_MEMORY * wanted / GIB:.0f} GiB"
    )
    return lines
