"""What a workbench's account may read: the Secrets and ConfigMaps that its pod has anyway.

A run that is sent from the workbench may name them, and whoever names something in a run must be
allowed to read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from controllers.notebook.build.basics import build_grant
from lab_ground.kubernetes.manifest import Manifest


def _of_variables(container: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for source in container.get("envFrom") or []:
        yield "secrets", (source.get("secretRef") or {}).get("name")
        yield "configmaps", (source.get("configMapRef") or {}).get("name")
    for variable in container.get("env") or []:
        source = variable.get("valueFrom") or {}
        yield "secrets", (source.get("secretKeyRef") or {}).get("name")
        yield "configmaps", (source.get("configMapKeyRef") or {}).get("name")


def _of_volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "secrets", (volume.get("secret") or {}).get("secretName")
    yield "configmaps", (volume.get("configMap") or {}).get("name")
    for source in (volume.get("projected") or {}).get("sources") or []:
        yield "secrets", (source.get("secret") or {}).get("name")
        yield "configmaps", (source.get("configMap") or {}).get("name")


def mounted(notebook: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names that the pod's template has, by resource."""
    spec = notebook["spec"]["template"]["spec"]
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    found: dict[str, set[str]] = {"secrets": set(), "configmaps": set()}
    for resource, name in (
        *(pair for container in containers for pair in _of_variables(container)),
        *(pair for volume in spec.get("volumes") or [] for pair in _of_volume(volume)),
        *(("secrets", item.get("name")) for item in spec.get("imagePullSecrets") or []),
    ):
        if name:
            found[resource].add(name)
    return {resource: sorted(names) for resource, names in found.items() if names}


def build_mounted_access(notebook: Mapping[str, Any]) -> list[Manifest]:
    """Build the Role and RoleBinding that let the workbench's account read what its pod has."""
    rules = [
        {"apiGroups": [""], "resources": [resource], "resourceNames": names, "verbs": ["get"]}
        for resource, names in sorted(mounted(notebook).items())
    ]
    return build_grant(notebook, mounted_role(notebook), rules)


def mounted_role(notebook: Mapping[str, Any]) -> str:
    """The name of both."""
    return f"{notebook['metadata']['name']}-mounted"
