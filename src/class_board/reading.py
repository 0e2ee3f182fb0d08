"""The cluster's part of a board: one list of each kind for the whole class, and what pods take."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from class_board.asking import Ask, AskError
from lab_ground.kubernetes.manifest import Manifest

# By kind: version of the API and where its objects are. All are asked for at the same time.
LISTS: Mapping[str, tuple[str, str]] = {
    "Namespace": ("v1", "/api/v1/namespaces"),
    "Node": ("v1", "/api/v1/nodes"),
    "Pod": ("v1", "/api/v1/pods"),
    "Event": ("v1", "/api/v1/events"),
    "Deployment": ("apps/v1", "/apis/apps/v1/deployments"),
    "Route": ("route.openshift.io/v1", "/apis/route.openshift.io/v1/routes"),
    "Notebook": ("kubeflow.org/v1", "/apis/kubeflow.org/v1/notebooks"),
    "InferenceService": (
        "serving.kserve.io/v1beta1", "/apis/serving.kserve.io/v1beta1/inferenceservices",
    ),
    "DataSciencePipelinesApplication": (
        "datasciencepipelinesapplications.opendatahub.io/v1",
        "/apis/datasciencepipelinesapplications.opendatahub.io/v1/datasciencepipelinesapplications",
    ),
}  # fmt: skip
QUERIES = {"Event": {"fieldSelector": "type=Warning", "limit": "1000"}}
WITHOUT_NAMESPACE = ("Namespace", "Node")
# The list of the class, and what every namespace of the lab bears.
CLASS = "/api/v1/namespaces/lab-platform/configmaps/lab-class"
CLASS_KEY = "seats.json"
LAB = ("app.kubernetes.io/part-of", "mnist-lab")


@dataclass(frozen=True)
class Seat:
    """A seat of the class; ``learner`` and ``name`` are empty where nobody's is written."""

    namespace: str
    learner: str = ""
    name: str = ""


@dataclass(frozen=True)
class Usage:
    """What a pod takes at this moment: millicores, and bytes of working memory."""

    cpu: float = 0.0
    memory: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cpu + other.cpu, self.memory + other.memory)


@dataclass
class Facts:
    """What the cluster says of a class: objects by kind, and use by namespace and pod."""

    seats: list[Seat] = field(default_factory=list)
    objects: dict[str, dict[str, list[Manifest]]] = field(default_factory=dict)
    usage: dict[str, dict[str, Usage]] = field(default_factory=dict)

    def of(self, kind: str, namespace: str) -> list[Manifest]:
        """The objects of a kind in a seat."""
        return self.objects.get(kind, {}).get(namespace, [])

    def namespace(self, name: str) -> Manifest | None:
        """A seat's namespace."""
        for found in self.objects.get("Namespace", {}).get("", []):
            if found["metadata"]["name"] == name:
                return found
        return None


async def read(ask: Ask) -> Facts:
    """Read the class.

    Raises:
        AskError: one may not list these kinds everywhere, or the API does not answer.
    """
    kinds = list(LISTS)
    listed, kept = await asyncio.gather(
        asyncio.gather(*(_list(ask, kind) for kind in kinds)), _class(ask)
    )
    facts = Facts(objects=dict(zip(kinds, listed, strict=True)))
    facts.seats = kept or _labelled(facts.of("Namespace", ""))
    nodes = [node["metadata"]["name"] for node in facts.of("Node", "")]
    for used in await asyncio.gather(*(_usage(ask, node) for node in nodes)):
        for namespace, pods in used.items():
            facts.usage.setdefault(namespace, {}).update(pods)
    return facts


async def _list(ask: Ask, kind: str) -> dict[str, list[Manifest]]:
    version, path = LISTS[kind]
    try:
        answer = await ask(path, QUERIES.get(kind))
    except AskError as error:
        # A cluster without the platform does not know its kinds.
        if error.status == 404:
            return {}
        raise
    found: dict[str, list[Manifest]] = {}
    for item in answer.get("items") or ():
        where = "" if kind in WITHOUT_NAMESPACE else item["metadata"]["namespace"]
        found.setdefault(where, []).append({"apiVersion": version, "kind": kind, **item})
    return found


async def _class(ask: Ask) -> list[Seat]:
    """The seats of the class's list; none where there is no list, or none that can be read."""
    try:
        found = await ask(CLASS)
    except AskError as error:
        if error.status == 404:
            return []
        raise
    try:
        entries = json.loads((found.get("data") or {}).get(CLASS_KEY) or "{}").get("seats") or []
        return [
            Seat(str(e["namespace"]), str(e.get("learner") or ""), str(e.get("name") or ""))
            for e in entries
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _labelled(namespaces: Iterable[Manifest]) -> list[Seat]:
    key, value = LAB
    return [
        Seat(space["metadata"]["name"])
        for space in namespaces
        if (space["metadata"].get("labels") or {}).get(key) == value
    ]


async def _usage(ask: Ask, node: str) -> dict[str, dict[str, Usage]]:
    """What a node's kubelet says that its pods take; nothing where it does not say it."""
    try:
        answer = await ask(f"/api/v1/nodes/{quote(node, safe='')}/proxy/stats/summary")
    except AskError:
        return {}
    return usage_of(answer)


def usage_of(summary: Mapping[str, Any]) -> dict[str, dict[str, Usage]]:
    """Use by namespace and pod of a kubelet's summary."""
    found: dict[str, dict[str, Usage]] = {}
    for pod in summary.get("pods") or ():
        named = pod.get("podRef") or {}
        cpu = float((pod.get("cpu") or {}).get("usageNanoCores") or 0) / 1e6
        memory = float((pod.get("memory") or {}).get("workingSetBytes") or 0)
        found.setdefault(str(named.get("namespace")), {})[str(named.get("name"))] = Usage(
            cpu, memory
        )
    return found
