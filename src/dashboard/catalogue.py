"""What the platform offers: images, runtimes, storage classes, GPUs, and which projects there are.

This alone is read with the dashboard's own account. Answers are kept for seconds, and asked for
once for all who wait.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from dashboard import kinds
from dashboard.cluster import Acting, Cluster
from dashboard.errors import RefusalError, unavailable
from dashboard.kinds import Kind
from dashboard.settings import Settings
from lab_ground.kubernetes.manifest import Manifest

CATALOGUE_SECONDS = 15.0
NAMESPACE_SECONDS = 1.0
BINDING_SECONDS = 2.0
GPUS = ("nvidia.com/gpu", "amd.com/gpu")
_NOTEBOOK_IMAGE = "opendatahub.io/notebook-image"
_TAG = "opendatahub.io/"
_OLD_DASHBOARD = "opendatahub.io/image-tag-outdated"


class Catalogue:
    """Reads what is offered, as the dashboard itself."""

    def __init__(self, cluster: Cluster, settings: Settings, token: Callable[[], str]) -> None:
        self._cluster = cluster
        self._settings = settings
        self._token = token
        self._kept: dict[Kind, tuple[float, list[Manifest]]] = {}
        self._locks: dict[Kind, asyncio.Lock] = {}

    def _own(self) -> Acting:
        return self._cluster.acting(self._token())

    async def _list(self, kind: Kind, namespace: str, seconds: float) -> list[Manifest]:
        """Objects of a kind, at most ``seconds`` old; a kind that is not there has none."""
        async with self._locks.setdefault(kind, asyncio.Lock()):
            known = self._kept.get(kind)
            if known and time.monotonic() - known[0] < seconds:
                return known[1]
            asked = time.monotonic()
            try:
                items, _ = await self._own().list_objects(kind, namespace)
            except RefusalError as refusal:
                if refusal.status in (401, 403):
                    # The dashboard's own account, not that of who asks: nobody is to sign in anew.
                    raise unavailable(f"the dashboard may not list {kind.plural}") from refusal
                if refusal.status != 404:
                    raise
                items = []
            self._kept[kind] = (asked, items)
            return items

    async def namespaces(self) -> dict[str, Manifest]:
        """Every project that is not the system's, by name."""
        found = await self._list(kinds.NAMESPACE, "", NAMESPACE_SECONDS)
        return {item["metadata"]["name"]: item for item in found if self._is_project(item)}

    def forget_namespaces(self) -> None:
        """Read them, and who is bound in them, anew at the next question."""
        self._kept.pop(kinds.NAMESPACE, None)
        self._kept.pop(kinds.ROLE_BINDING, None)

    async def bound(self, subjects: frozenset[str]) -> set[str]:
        """The namespaces in which a binding names one of these subjects.

        Only where to ask: what somebody may do there, the API server says.
        """
        bindings = await self._list(kinds.ROLE_BINDING, "", BINDING_SECONDS)
        return {
            str(binding["metadata"]["namespace"])
            for binding in bindings
            if subjects & subjects_of(binding)
        }

    def _is_project(self, namespace: Manifest) -> bool:
        name = str(namespace["metadata"]["name"])
        labels = namespace["metadata"].get("labels") or {}
        active = (namespace.get("status") or {}).get("phase", "Active") == "Active"
        system = name in ("default", "system", "openshift", self._settings.namespace)
        system |= name.startswith(("openshift-", "kube-"))
        platform = labels.get("app.kubernetes.io/part-of") == "lab-platform"
        return active and not system and not platform

    async def images(self) -> list[dict[str, Any]]:
        """Workbench images, in their order."""
        streams = await self._list(kinds.IMAGE_STREAM, self._settings.namespace, CATALOGUE_SECONDS)
        found = [image_of(item) for item in streams if is_workbench_image(item)]
        return sorted(found, key=lambda image: (image["order"], image["displayName"]))

    async def runtimes(self) -> list[dict[str, Any]]:
        """Serving runtimes, from Templates."""
        templates = await self.templates()
        found = [runtime for item in templates if (runtime := runtime_of(item))]
        for index, runtime in enumerate(found):
            runtime["default"] = index == 0
        return found

    async def templates(self) -> list[Manifest]:
        """Templates of serving runtimes."""
        items = await self._list(kinds.TEMPLATE, self._settings.namespace, CATALOGUE_SECONDS)
        return [item for item in items if is_shown(item)]

    async def template(self, name: str | None) -> Manifest | None:
        """The Template of that name; without a name the first."""
        for item in await self.templates():
            if runtime_of(item) and name in (None, "", item["metadata"]["name"]):
                return item
        return None

    async def storage_classes(self) -> list[dict[str, Any]]:
        """Storage classes, the default first."""
        items = await self._list(kinds.STORAGE_CLASS, "", CATALOGUE_SECONDS)
        found = [storage_class_of(item) for item in items]
        return sorted(found, key=lambda each: (not each["default"], each["name"]))

    async def accelerators(self) -> list[dict[str, Any]]:
        """Accelerators that a node has."""
        nodes = await self._list(kinds.NODE, "", CATALOGUE_SECONDS)
        return accelerators_of(nodes)

    async def as_dict(self) -> dict[str, Any]:
        """All of it, for an answer."""

        async def named(key: str, work: Awaitable[Any]) -> tuple[str, Any]:
            return key, await work

        parts = await asyncio.gather(
            named("images", self.images()),
            named("runtimes", self.runtimes()),
            named("storageClasses", self.storage_classes()),
            named("accelerators", self.accelerators()),
        )
        return {
            **dict(parts),
            "sizes": [size.as_dict() for size in self._settings.sizes],
            "modelSizes": [size.as_dict() for size in self._settings.model_sizes],
            "defaultStorageGiB": self._settings.storage_gib,
            "serverReplicas": {"minimum": 1, "default": 1},
        }


def subjects_of(binding: Mapping[str, Any]) -> set[str]:
    """Whom a binding names, as `Acting.identity` does."""
    found = set()
    for subject in binding.get("subjects") or ():
        name = str(subject.get("name"))
        if subject.get("kind") == "ServiceAccount":
            name = f"{subject.get('namespace') or binding['metadata']['namespace']}:{name}"
        found.add(f"{subject.get('kind')}:{name}")
    return found


def own_token(path: Path) -> Callable[[], str]:
    """Read the dashboard's own token, which the kubelet renews."""
    return lambda: path.read_text().strip()


def annotations_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """An object's annotations."""
    return dict((manifest.get("metadata") or {}).get("annotations") or {})


def labels_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """An object's labels."""
    return dict((manifest.get("metadata") or {}).get("labels") or {})


def is_shown(manifest: Mapping[str, Any]) -> bool:
    """Whether an object is the dashboard's."""
    return labels_of(manifest).get("opendatahub.io/dashboard") == "true"


def is_workbench_image(stream: Mapping[str, Any]) -> bool:
    """Whether an ImageStream has images of workbenches."""
    return labels_of(stream).get(_NOTEBOOK_IMAGE) == "true"


def image_of(stream: Mapping[str, Any]) -> dict[str, Any]:
    """A workbench image as the form offers it, the newest version first."""
    annotations = annotations_of(stream)
    name = stream["metadata"]["name"]
    status = stream.get("status") or {}
    repository = status.get("dockerImageRepository") or ""
    states = {tag["tag"]: tag for tag in status.get("tags") or ()}
    versions = [
        version_of(tag, repository, states.get(tag["name"]))
        for tag in (stream.get("spec") or {}).get("tags") or ()
        if (tag.get("annotations") or {}).get(_OLD_DASHBOARD) != "true"
    ]
    versions.sort(key=lambda version: _by_number(version["tag"]), reverse=True)
    return {
        "stream": name,
        "displayName": annotations.get(f"{_TAG}notebook-image-name") or name,
        "description": annotations.get(f"{_TAG}notebook-image-desc") or "",
        "order": _number(annotations.get(f"{_TAG}notebook-image-order")),
        "gpu": "cuda" in name or "gpu" in annotations.get(f"{_TAG}recommended-accelerators", ""),
        "versions": versions,
    }


def version_of(
    tag: Mapping[str, Any], repository: str, state: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A tag of an ImageStream as the form offers it."""
    annotations = tag.get("annotations") or {}
    conditions = (state or {}).get("conditions") or ()
    failed = [c for c in conditions if c.get("type") == "ImportSuccess" and c["status"] == "False"]
    message = str(failed[0].get("message") or "the image could not be imported") if failed else None
    if not repository:
        message = "The image's repository is not known yet."
    return {
        "tag": tag["name"],
        "image": f"{repository}:{tag['name']}" if repository else "",
        "recommended": annotations.get(f"{_TAG}workbench-image-recommended") == "true",
        "available": message is None,
        "message": message,
        "software": _packages(annotations.get(f"{_TAG}notebook-software")),
        "packages": _packages(annotations.get(f"{_TAG}notebook-python-dependencies")),
    }


def runtime_of(template: Mapping[str, Any]) -> dict[str, Any] | None:
    """A serving runtime as the form offers it; None of a Template of something else."""
    runtimes = [o for o in template.get("objects") or () if o.get("kind") == "ServingRuntime"]
    if not runtimes:
        return None
    runtime, annotations = runtimes[0], annotations_of(template)
    try:
        platforms = json.loads(annotations.get(f"{_TAG}modelServingSupport") or '["multi"]')
    except ValueError:
        platforms = ["multi"]
    formats = (runtime.get("spec") or {}).get("supportedModelFormats") or ()
    return {
        "template": template["metadata"]["name"],
        "name": runtime["metadata"]["name"],
        "displayName": annotations_of(runtime).get("openshift.io/display-name")
        or runtime["metadata"]["name"],
        "platforms": [str(platform) for platform in platforms],
        "protocol": annotations.get(f"{_TAG}apiProtocol") or "REST",
        "formats": [formats_of(entry) for entry in formats],
        "default": False,
    }


def formats_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A model format."""
    version = entry.get("version")
    return {"name": str(entry.get("name")), "version": str(version) if version else None}


def storage_class_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """A storage class as the form offers it."""
    annotations = annotations_of(item)
    name = item["metadata"]["name"]
    try:
        own = json.loads(annotations.get(f"{_TAG}sc-config") or "{}")
    except ValueError:
        own = {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return {
        "name": name,
        "displayName": own.get("displayName") or name,
        "description": own.get("description") or "",
        "enabled": bool(own.get("isEnabled", True)),
        "default": bool(own.get("isDefault", default)),
        "canGrow": bool(item.get("allowVolumeExpansion")),
    }


def accelerators_of(nodes: list[Manifest]) -> list[dict[str, Any]]:
    """What GPUs a single pod could have at most."""
    found = []
    for identifier in GPUS:
        amounts = [
            int(amount)
            for node in nodes
            if str(
                amount := (node.get("status", {}).get("allocatable") or {}).get(identifier, "0")
            ).isdigit()
        ]
        if most := max(amounts, default=0):
            name = "NVIDIA GPU" if identifier.startswith("nvidia") else "AMD GPU"
            found.append({"identifier": identifier, "displayName": name, "available": most})
    return found


def _packages(text: str | None) -> list[dict[str, str]]:
    try:
        entries = json.loads(text or "[]")
    except ValueError:
        return []
    return [
        {"name": str(entry.get("name", "")), "version": str(entry.get("version", ""))}
        for entry in entries
        if isinstance(entry, dict)
    ]


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 100


def _by_number(tag: str) -> list[tuple[int, int, str]]:
    return [(1, int(p), "") if p.isdigit() else (0, 0, p) for p in tag.replace("-", ".").split(".")]
