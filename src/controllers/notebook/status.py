"""A Notebook's status: whether it runs, and if not, what its pod or StatefulSet says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from controllers.notebook.build import is_stopped
from lab_ground.kubernetes.conditions import get_condition, set_condition
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.pods import container_statuses, find_trouble

# What is no trouble, though the workbench is not ready.
_UNDER_WAY = ("Starting", "Restarting", "Stopping", "Stopped")
_PASSED_ON = ("PodScheduled", "Initialized", "ContainersReady")


def container_state(pod: Mapping[str, Any] | None, name: str) -> Manifest:
    """Return the state of the notebook's own container."""
    for status in container_statuses(pod or {}):
        if status["name"] == name:
            return dict(status.get("state") or {})
    return {}


def _readiness(
    notebook: Mapping[str, Any],
    stateful_set: Mapping[str, Any] | None,
    pod: Mapping[str, Any] | None,
    events: Iterable[Mapping[str, Any]],
) -> tuple[bool, str, str]:
    if is_stopped(notebook):
        gone = pod is None
        return False, "Stopped" if gone else "Stopping", "the workbench is stopped"
    if pod is None:
        for event in events:
            if event.get("type") == "Warning":
                return False, event.get("reason") or "FailedCreate", event.get("message") or ""
        return False, "Starting", "the pod is not there yet"
    if pod["metadata"].get("deletionTimestamp"):
        return False, "Restarting", "the old pod ends"
    if ((stateful_set or {}).get("status") or {}).get("readyReplicas"):
        return True, "Running", ""
    trouble = find_trouble(pod)
    if trouble is not None:
        return False, *trouble
    return False, "Starting", "the containers start"


def build_status(
    notebook: Mapping[str, Any],
    stateful_set: Mapping[str, Any] | None,
    pod: Mapping[str, Any] | None,
    events: Iterable[Mapping[str, Any]] = (),
    refusal: str | None = None,
) -> Manifest:
    """Build the status from the pod, the StatefulSet and, without a pod, the latter's events.

    A workbench whose Route, or HTTPRoute, is refused is not ready, since nobody can open it.
    """
    ready, reason, message = _readiness(notebook, stateful_set, pod, events)
    if refusal is not None and (ready or reason == "Starting"):
        ready, reason, message = False, "RouteNotAdmitted", refusal
    conditions = set_condition(
        (notebook.get("status") or {}).get("conditions"), "Ready", ready, reason, message
    )
    present = {c["type"]: c for c in ((pod or {}).get("status") or {}).get("conditions") or []}
    conditions = [c for c in conditions if c["type"] not in _PASSED_ON or c["type"] in present]
    for type_ in _PASSED_ON:
        if type_ in present:
            condition = present[type_]
            conditions = set_condition(
                conditions,
                type_,
                condition["status"],
                condition.get("reason") or type_,
                condition.get("message") or "",
            )
    return {
        "conditions": conditions,
        "readyReplicas": int(((stateful_set or {}).get("status") or {}).get("readyReplicas") or 0),
        # A merge patch keeps what it does not name: the states that are over are named.
        "containerState": {
            **dict.fromkeys((notebook.get("status") or {}).get("containerState") or ()),
            **container_state(pod, notebook["metadata"]["name"]),
        },
    }


def trouble_of(status: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why a workbench is not ready, as reason and words; None where it is, or is on the way."""
    ready = get_condition(status["conditions"], "Ready")
    if ready is None or ready["status"] != "False" or ready["reason"] in _UNDER_WAY:
        return None
    return str(ready["reason"]), str(ready["message"])


def refused_by_gateway(http_route: Mapping[str, Any] | None) -> str | None:
    """Why no gateway serves the workbench's HTTPRoute; None where one does, or none has said."""
    for parent in ((http_route or {}).get("status") or {}).get("parents") or []:
        for condition in parent.get("conditions") or []:
            if condition["status"] == "False":
                return str(condition.get("message") or condition["reason"])
    return None


def refused_by_router(route: Mapping[str, Any] | None) -> str | None:
    """Why the router does not serve the workbench's Route; None where it does, or has not said."""
    for entry in ((route or {}).get("status") or {}).get("ingress") or []:
        for condition in entry.get("conditions") or []:
            if condition.get("type") == "Admitted" and condition.get("status") == "False":
                return str(condition.get("message") or condition.get("reason"))
    return None


def build_failed_status(notebook: Mapping[str, Any], what: str, message: str) -> Manifest:
    """Build the status of a Notebook of which the API server does not take a part (yet)."""
    conditions = (notebook.get("status") or {}).get("conditions")
    status = (notebook.get("status") or {}) | {"readyReplicas": 0}
    return {
        "conditions": set_condition(conditions, "Ready", False, what, message),
        "readyReplicas": status["readyReplicas"],
        "containerState": status.get("containerState") or {},
    }


def build_invalid_status(notebook: Mapping[str, Any], message: str) -> Manifest:
    """Build the status of a Notebook that cannot be made into pods."""
    conditions = (notebook.get("status") or {}).get("conditions")
    return {
        "conditions": set_condition(conditions, "Ready", False, "InvalidSpec", message),
        # The kind requires all three.
        "readyReplicas": 0,
        "containerState": {},
    }
