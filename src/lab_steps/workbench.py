"""The workbench. Every function returns what is wrong, or ""."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def running_fault(notebook: Mapping[str, Any] | None, pod: Mapping[str, Any] | None) -> str:
    """A workbench: there, not stopped, its pod ready."""
    if notebook is None:
        return "there is no workbench in the project"
    metadata = notebook["metadata"]
    name = metadata["name"]
    if (metadata.get("annotations") or {}).get("kubeflow-resource-stopped"):
        return f"the workbench {name} is stopped"
    if pod is None:
        return f"there is no pod {name}-0"
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    waiting = [
        f"{c['name']}: {((c.get('state') or {}).get('waiting') or {}).get('reason', 'not ready')}"
        for c in statuses
        if not c["ready"]
    ]
    if not statuses:
        return f"the pod {name}-0 has not begun"
    return "; ".join(waiting)


def mount_fault(notebook: Mapping[str, Any], claim: str) -> str:
    """Whether a workbench has a volume."""
    pod = notebook["spec"]["template"]["spec"]
    mounted = {
        (volume.get("persistentVolumeClaim") or {}).get("claimName")
        for volume in pod.get("volumes") or ()
    }
    name = notebook["metadata"]["name"]
    return "" if claim in mounted else f"the workbench {name} does not have the volume {claim}"


def connected_fault(notebook: Mapping[str, Any], secret: str) -> str:
    """Whether a workbench has the values of a data connection."""
    containers = notebook["spec"]["template"]["spec"].get("containers") or ()
    given = {
        (source.get("secretRef") or {}).get("name")
        for container in containers
        for source in container.get("envFrom") or ()
    }
    given |= {
        ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name")
        for container in containers
        for variable in container.get("env") or ()
    }
    name = notebook["metadata"]["name"]
    return "" if secret in given else f"the workbench {name} lacks the data connection {secret}"
