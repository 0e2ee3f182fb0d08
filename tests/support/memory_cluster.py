"""Kubernetes' objects in memory: what the platform's client reads and writes, without a server."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from lab_ground.kubernetes.client import KubernetesClient, set_client
from lab_ground.kubernetes.errors import ConflictError, InvalidError, NotFoundError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import owner_reference
from lab_ground.kubernetes.ownership import refuse_foreign
from resource_definitions.definitions import definitions
from resource_definitions.structural import pruned, with_defaults

CLUSTER_WIDE = {"Namespace", "Node", "ClusterRole", "ClusterRoleBinding"}


def merge(target: Manifest, patch: Mapping[str, Any]) -> None:
    """Merge a JSON merge patch into an object."""
    for key, value in patch.items():
        if value is None:
            target.pop(key, None)
        elif isinstance(value, Mapping):
            if not isinstance(target.get(key), dict):
                target[key] = {}
            merge(target[key], value)
        else:
            target[key] = copy.deepcopy(value)


@cache
def schemas() -> dict[tuple[str, str], tuple[Manifest, Draft202012Validator]]:
    """The schemas of OpenShift AI's kinds, by version and kind."""
    return {
        (f"{entry['spec']['group']}/{version['name']}", entry["spec"]["names"]["kind"]): (
            version["schema"]["openAPIV3Schema"],
            Draft202012Validator(version["schema"]["openAPIV3Schema"]),
        )
        for entry in definitions()
        for version in entry["spec"]["versions"]
    }


def admitted(manifest: Manifest, part: str = "") -> Manifest:
    """The object as an API server stores it by its kind's schema; InvalidError if it refuses it."""
    found = schemas().get((manifest["apiVersion"], manifest["kind"]))
    if found is None:
        return manifest
    schema, validator = found
    stored: Manifest = with_defaults(schema, pruned(schema, manifest))
    # What was stored before and is not touched is not looked at anew.
    for problem in validator.iter_errors(stored):
        if part and part not in list(problem.path)[:1]:
            continue
        raise InvalidError(422, "Invalid", f"{problem.json_path}: {problem.message}")
    return stored


class MemoryCluster(KubernetesClient):
    """Keeps objects by kind, namespace and name; counts the writes that changed something."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Manifest] = {}
        self.writes: list[tuple[str, str, str]] = []
        self._managers: dict[str, set[str]] = {}
        self._numbers = itertools.count(1)

    def add(self, manifest: Mapping[str, Any]) -> Manifest:
        """Put an object there, as if somebody else had."""
        stored = copy.deepcopy(dict(manifest))
        metadata = stored["metadata"]
        if stored["kind"] not in CLUSTER_WIDE:
            metadata.setdefault("namespace", "mnist")
        metadata.setdefault("uid", f"uid-{next(self._numbers)}")
        metadata.setdefault("resourceVersion", str(next(self._numbers)))
        metadata.setdefault("creationTimestamp", f"2026-01-01T00:00:{len(self.objects):02d}Z")
        metadata.setdefault("generation", 1)
        self.objects[self._key(stored)] = stored
        return copy.deepcopy(stored)

    @staticmethod
    def _key(manifest: Mapping[str, Any]) -> tuple[str, str, str]:
        metadata = manifest["metadata"]
        return manifest["kind"], metadata.get("namespace") or "", metadata["name"]

    def get(self, api_version, kind, name, namespace=None):
        found = self.objects.get((kind, namespace or "", name))
        return copy.deepcopy(found) if found is not None else None

    def list_objects(
        self, api_version, kind, namespace=None, *, label_selector=None, field_selector=None
    ):
        wanted = dict(
            part.split("=", 1) for part in (label_selector or "").split(",") if "=" in part
        )
        present = [part for part in (label_selector or "").split(",") if part and "=" not in part]
        result = []
        for (stored_kind, stored_namespace, _), manifest in self.objects.items():
            labels = manifest["metadata"].get("labels") or {}
            if (
                stored_kind == kind
                and manifest["apiVersion"] == api_version
                and (namespace is None or stored_namespace == namespace)
                and all(labels.get(key) == value for key, value in wanted.items())
                and all(key in labels for key in present)
            ):
                result.append(copy.deepcopy(manifest))
        return result

    def _store(self, manifest: Manifest) -> Manifest:
        key = self._key(manifest)
        before = self.objects.get(key)
        for name, value in (manifest.pop("stringData", None) or {}).items():
            import base64

            encoded = base64.b64encode(value.encode()).decode()
            manifest.setdefault("data", {})[name] = encoded
        if before is not None:
            merged = copy.deepcopy(before)
            for name, value in manifest.items():
                if name == "metadata":
                    merge(merged["metadata"], value)
                else:
                    merged[name] = value
            merged = admitted(merged)
            if merged == before:
                return copy.deepcopy(before)
            merged["metadata"]["resourceVersion"] = str(next(self._numbers))
            manifest = merged
        manifest = admitted(manifest)
        self.writes.append(key)
        return self.add(manifest)

    def apply(self, manifest, owner=None, field_manager="lab-platform"):
        body = copy.deepcopy(dict(manifest))
        if owner is not None:
            body["metadata"]["ownerReferences"] = [owner_reference(owner)]
        present = self.objects.get(self._key(body))
        if present is not None:
            managers = self._managers.get(present["metadata"]["uid"], set())
            fields = [{"manager": manager, "operation": "Apply"} for manager in managers]
            metadata = {**present["metadata"], "managedFields": fields}
            refuse_foreign({**present, "metadata": metadata}, owner, field_manager)
        stored = self._store(body)
        self._managers.setdefault(stored["metadata"]["uid"], set()).add(field_manager)
        return stored

    def create(self, manifest, namespace=None):
        if self._key(manifest) in self.objects:
            raise ConflictError(409, "AlreadyExists", "exists")
        return self._store(copy.deepcopy(dict(manifest)))

    def replace(self, manifest):
        before = self.objects.get(self._key(manifest))
        if before is None:
            raise NotFoundError(404, "NotFound", "no such object")
        given = manifest["metadata"].get("resourceVersion")
        if given and given != before["metadata"]["resourceVersion"]:
            raise ConflictError(409, "Conflict", "changed in between")
        body = copy.deepcopy(dict(manifest))
        body["metadata"]["resourceVersion"] = str(next(self._numbers))
        body = admitted(body)
        self.writes.append(self._key(body))
        return self.add(body)

    def patch(self, api_version, kind, name, patch, namespace=None, *, subresource=None):
        key = (kind, namespace or "", name)
        if key not in self.objects:
            raise NotFoundError(404, "NotFound", "no such object")
        patched = copy.deepcopy(self.objects[key])
        merge(patched, patch)
        self.objects[key] = admitted(patched, subresource or "")
        self.writes.append(key)
        return copy.deepcopy(self.objects[key])

    def delete(
        self,
        api_version,
        kind,
        name,
        namespace=None,
        *,
        propagation="Background",
        grace_seconds=None,
    ):
        gone = self.objects.pop((kind, namespace or "", name), None)
        if gone is not None:
            self.writes.append((kind, namespace or "", name))
        return gone is not None


@contextmanager
def in_memory() -> Iterator[MemoryCluster]:
    """A cluster in memory that the platform's code asks in place of a real one."""
    memory = MemoryCluster()
    set_client(memory)
    yield memory
    set_client(None)
