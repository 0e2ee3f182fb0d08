"""How a step's pod is, in words for people; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline_server.execution.pods import MAIN


@dataclass(frozen=True, slots=True)
class PodStatus:
    """A pod's state. ``note`` is what a person should read while it waits."""

    phase: str
    finished: bool = False
    started: bool = False
    exit_code: int | None = None
    reason: str = ""
    message: str = ""

    @property
    def hopeless(self) -> bool:
        """Whether the pod will not begin without a change of its spec."""
        return self.reason in {"InvalidImageName", "CreateContainerConfigError"} or (
            self.reason == "ErrImageNeverPull"
        )

    @property
    def without_python(self) -> bool:
        """Whether the image has no ``python3`` for the launcher."""
        text = f"{self.reason} {self.message}"
        return (
            (
                self.reason in {"StartError", "ContainerCannotRun", "RunContainerError", "Error"}
                or "CreateContainerError" in text
            )
            and "python3" in self.message
            and ("not found" in self.message or "no such file" in self.message)
        )

    @property
    def note(self) -> str:
        """Why it waits, or how it ended, in one line."""
        if self.reason == "OOMKilled":
            return "the step used more memory than its limit (OOMKilled)"
        if self.reason == "DeadlineExceeded":
            return "the step ran longer than its activeDeadlineSeconds"
        if self.reason == "Evicted":
            return f"the node evicted the pod: {self.message}"
        return ": ".join(part for part in (self.reason, self.message) if part)


def read_status(pod: Mapping[str, Any]) -> PodStatus:
    """What the cluster says of a step's pod, in words for people."""
    status = pod.get("status", {})
    phase = str(status.get("phase", "Pending"))
    containers = status.get("containerStatuses") or []
    main: Mapping[str, Any] = next((item for item in containers if item.get("name") == MAIN), {})
    state = main.get("state") or {}
    terminated = state.get("terminated")
    waiting = state.get("waiting") or _waiting_helper(status)
    if terminated:
        return PodStatus(
            phase,
            finished=True,
            started=bool(terminated.get("startedAt")),
            exit_code=int(terminated.get("exitCode", 1)),
            reason=str(terminated.get("reason", "")),
            message=str(terminated.get("message", "")),
        )
    if phase in {"Failed", "Succeeded"}:
        return PodStatus(
            phase,
            finished=True,
            exit_code=0 if phase == "Succeeded" else 1,
            reason=str(status.get("reason", "")),
            message=str(status.get("message", "")) or _helper_failure(status),
        )
    if "running" in state:
        return PodStatus(phase, started=True)
    if waiting:
        reason = str(waiting.get("reason", ""))
        return PodStatus(phase, reason=reason, message=str(waiting.get("message", "")))
    unscheduled = next(
        (
            item
            for item in status.get("conditions") or []
            if item.get("type") == "PodScheduled" and item.get("status") == "False"
        ),
        None,
    )
    if unscheduled:
        return PodStatus(phase, reason="Unschedulable", message=str(unscheduled.get("message", "")))
    return PodStatus(phase)


def _waiting_helper(status: Mapping[str, Any]) -> Mapping[str, Any]:
    for item in status.get("initContainerStatuses") or []:
        waiting = (item.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in {None, "PodInitializing"}:
            return dict(waiting)
    return {}


def _helper_failure(status: Mapping[str, Any]) -> str:
    for item in status.get("initContainerStatuses") or []:
        ended = (item.get("state") or {}).get("terminated")
        if ended and ended.get("exitCode"):
            return f"container {item.get('name')!r} ended with exit code {ended['exitCode']}"
    return ""
