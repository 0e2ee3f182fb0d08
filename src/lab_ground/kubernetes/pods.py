"""What a pod says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Waiting for these is ordinary; other reasons are what somebody must mend.
_ORDINARY = ("ContainerCreating", "PodInitializing", "")


def container_statuses(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the statuses of a pod's containers, the initial ones first."""
    status = pod.get("status") or {}
    return [
        *(status.get("initContainerStatuses") or []),
        *(status.get("containerStatuses") or []),
    ]


def find_trouble(pod: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the reason and message of what keeps a pod from starting."""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition.get("reason") or "Unschedulable", condition.get("message") or ""
    for status in container_statuses(pod):
        state = status.get("state") or {}
        waiting = state.get("waiting") or {}
        reason = waiting.get("reason") or ""
        if waiting and reason not in _ORDINARY:
            last = (status.get("lastState") or {}).get("terminated") or {}
            ended = f" (it ended with {last['exitCode']})" if "exitCode" in last else ""
            return reason, f"container {status['name']}: {waiting.get('message', '')}{ended}"
        ended_now = state.get("terminated") or {}
        if ended_now and ended_now.get("exitCode"):
            code = ended_now["exitCode"]
            message = f"container {status['name']} ended with {code}"
            return ended_now.get("reason") or "Error", message
    if (pod.get("status") or {}).get("phase") == "Failed":
        status = pod["status"]
        return status.get("reason") or "Failed", status.get("message") or ""
    return None
