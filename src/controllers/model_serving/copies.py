"""How each pod has a model: as its server reports, or as its containers tell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from controllers.model_serving.pods import PodReport
from controllers.model_serving.status import FAILED, Copy


def copy_of(report: PodReport, name: str) -> Copy:
    """How a model server has the model, from its own report."""
    found = (report.models or {}).get(name)
    if found is None:
        return Copy(report.pod)
    return Copy(
        pod=report.pod,
        state=found["state"],
        revision=found["revision"],
        active_revision=found["activeRevision"],
        message=found["message"],
        time=found["time"],
        served_as=found.get("servedAs", ""),
    )


def raw_copy_of(pod: Mapping[str, Any]) -> Copy:
    """How a pod of a RawDeployment has its model: from its order and its containers' states."""
    name = pod["metadata"]["name"]
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    revision = ""
    for container in spec.get("initContainers") or []:
        for item in container.get("env") or []:
            if item["name"] == "LAB_PULLER_MODEL":
                revision = str(json.loads(item["value"]).get("revision", ""))
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in status.get("conditions") or []
    )
    if ready:
        return Copy(name, "Loaded", revision, revision)
    for container in status.get("initContainerStatuses") or []:
        for state in (container.get("state") or {}, container.get("lastState") or {}):
            ended = state.get("terminated") or {}
            if ended.get("exitCode"):
                message = str(ended.get("message") or ended.get("reason") or "failed")
                return Copy(name, FAILED, revision, "", message, str(ended.get("finishedAt", "")))
    return Copy(name, "Loading", revision)
