"""A function's status: whether a pod of this revision has been ready, and if not, why; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from controllers.serverless.build.objects import identity
from lab_ground.kubernetes.conditions import get_condition, set_condition
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.pods import find_trouble as pod_trouble


def find_trouble(
    deployment: Mapping[str, Any], pods: Sequence[Mapping[str, Any]]
) -> tuple[str, str] | None:
    """Return why the pods of a function do not start."""
    failure = get_condition((deployment.get("status") or {}).get("conditions"), "ReplicaFailure")
    if failure is not None and failure.get("status") == "True":
        return str(failure.get("reason")), str(failure.get("message"))
    for pod in pods:
        trouble = pod_trouble(pod)
        if trouble is not None:
            return trouble
    progressing = get_condition((deployment.get("status") or {}).get("conditions"), "Progressing")
    if progressing is not None and progressing.get("status") == "False":
        return str(progressing.get("reason")), str(progressing.get("message"))
    return None


def build_status(
    function: Mapping[str, Any],
    deployment: Mapping[str, Any] | None,
    pods: Sequence[Mapping[str, Any]],
    cluster_domain: str,
) -> Manifest:
    """Build the status: ready when a pod of this template has been, also while there is none."""
    namespace, name = identity(function)
    status = function.get("status") or {}
    generation = function["metadata"].get("generation", 1)
    revision = f"{name}-{generation:05d}"
    url = f"http://{name}.{namespace}.svc.{cluster_domain}"
    state = (deployment or {}).get("status") or {}
    current = state.get("observedGeneration", 0) >= (
        ((deployment or {}).get("metadata") or {}).get("generation", 1)
    )
    up = (
        current
        and state.get("availableReplicas", 0) >= 1
        and state.get("updatedReplicas", 0) == state.get("replicas", 0)
    )
    proven = up or (status.get("latestReadyRevisionName") == revision and not state.get("replicas"))
    trouble = None if proven else find_trouble(deployment or {}, pods)
    if proven:
        verdict: tuple[bool | str, str, str] = (True, "Ready", "")
    elif trouble is not None:
        verdict = (False, *trouble)
    else:
        verdict = ("Unknown", "Deploying", "the first pod of this revision starts")
    conditions = status.get("conditions")
    for type_ in ("ConfigurationsReady", "RoutesReady", "Ready"):
        conditions = set_condition(conditions, type_, *verdict)
    result: Manifest = {
        "observedGeneration": generation,
        "url": url,
        "address": {"url": url},
        "latestCreatedRevisionName": revision,
        "conditions": conditions,
    }
    if proven:
        result["latestReadyRevisionName"] = revision
        result["traffic"] = [{"latestRevision": True, "percent": 100, "revisionName": revision}]
    return result


def build_invalid_status(function: Mapping[str, Any], message: str) -> Manifest:
    """Build the status of a function that cannot be made."""
    conditions = (function.get("status") or {}).get("conditions")
    for type_ in ("ConfigurationsReady", "Ready"):
        conditions = set_condition(conditions, type_, False, "InvalidSpec", message)
    return {
        "observedGeneration": function["metadata"].get("generation", 1),
        "conditions": conditions,
    }
