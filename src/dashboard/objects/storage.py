"""Cluster storage: the claim, and how it gets into a workbench and out of it."""

from __future__ import annotations

from typing import Any

from dashboard.objects.common import metadata
from dashboard.validation import WORKING_DIRECTORY
from lab_ground.kubernetes.manifest import Manifest


def build_claim(
    namespace: str,
    name: str,
    display: str,
    description: str,
    size_gib: int,
    storage_class: str | None = None,
) -> Manifest:
    """The PersistentVolumeClaim."""
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": f"{size_gib}Gi"}},
    }
    if storage_class:
        spec["storageClassName"] = storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(namespace, name, display, description),
        "spec": spec,
    }


def mount_path(folder: str) -> str:
    """Where a folder of a workbench is.

    >>> mount_path("data/")
    '/opt/app-root/src/data'
    """
    return f"{WORKING_DIRECTORY}/{folder.strip('/')}"


def disconnect_patch(notebook: Manifest, claim: str) -> dict[str, Any]:
    """Merge patch that takes a claim out of a Notebook: both lists without it."""
    spec = notebook["spec"]["template"]["spec"]
    gone = {
        volume["name"]
        for volume in spec.get("volumes") or ()
        if (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim
    }
    containers = [
        {
            **container,
            "volumeMounts": [
                mount for mount in container.get("volumeMounts") or () if mount["name"] not in gone
            ],
        }
        for container in spec["containers"]
    ]
    volumes = [volume for volume in spec.get("volumes") or () if volume["name"] not in gone]
    patched = {"template": {"spec": {"volumes": volumes, "containers": containers}}}
    return {"spec": patched, **_unchanged_since(notebook)}


def _unchanged_since(notebook: Manifest) -> dict[str, Any]:
    # Lists are replaced whole: only if nobody changed them since they were read.
    return {"metadata": {"resourceVersion": notebook["metadata"]["resourceVersion"]}}
