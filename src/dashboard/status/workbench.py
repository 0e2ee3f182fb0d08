"""A workbench's word, how far its start has come, and why it failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.objects.workbench import STOPPED
from dashboard.status import times
from dashboard.status.events import REQUESTED, SELDOM, STEPS, WAITING, Told, relevant

LOCK = "odh-notebook-controller-lock"
LAST_ACTIVITY = "notebooks.kubeflow.org/last-activity"
# What goes wrong at first is often right a moment later.
PATIENCE = timedelta(seconds=30)
_HOPELESS = frozenset(
    {"CreateContainerConfigError", "CrashLoopBackOff", "ErrImageNeverPull", "ErrImagePull",
     "ImagePullBackOff", "InvalidImageName"}
)  # fmt: skip
Thing = Mapping[str, Any]


@dataclass(frozen=True)
class WorkbenchStatus:
    """What the page shows of it; ``cause`` is filled in by who has the evidence."""

    word: str
    percent: int
    message: str
    events: Sequence[Told]
    steps: Sequence[Mapping[str, str]]

    def as_dict(self, cause: str | None = None) -> dict[str, Any]:
        """For an answer."""
        return {
            "word": self.word,
            "percent": self.percent,
            "message": self.message,
            "cause": cause if self.word == "Failed" else None,
            "steps": [dict(step) for step in self.steps],
            "events": [event.as_dict() for event in self.events],
        }


def is_stopped(notebook: Thing) -> bool:
    """Whether it is to be stopped: the annotation is there, and is not the controller's lock."""
    value = (notebook["metadata"].get("annotations") or {}).get(STOPPED)
    return value is not None and value != LOCK


def is_ready(pods: Sequence[Thing]) -> bool:
    """Whether a pod has containers, all of which run and are ready."""
    for pod in pods:
        statuses = (pod.get("status") or {}).get("containerStatuses") or ()
        if statuses and all(s.get("ready") and "running" in (s.get("state") or {})
                            for s in statuses):  # fmt: skip
            return True
    return False


def pods_of(notebook: Thing, pods: Sequence[Thing]) -> list[Thing]:
    """The pods of a workbench, those that are going last."""
    name = notebook["metadata"]["name"]
    own = [p for p in pods if (p["metadata"].get("labels") or {}).get("notebook-name") == name]
    return sorted(own, key=lambda pod: bool(pod["metadata"].get("deletionTimestamp")))


def status_of(
    notebook: Thing, pods: Sequence[Thing], events: Sequence[Thing], now: datetime
) -> WorkbenchStatus:
    """The state of a workbench, from the annotation, its pods and their events alone."""
    own = pods_of(notebook, pods)
    stopped, ready = is_stopped(notebook), is_ready(own)
    if stopped:
        word = "Stopping" if own else "Stopped"
        return WorkbenchStatus(word, 0, word, (), ())
    began = beginning(notebook, own)
    told = relevant(events, notebook["metadata"]["name"], own, began)
    if ready:
        steps = steps_of(told, done=True)
        return WorkbenchStatus("Running", 100, "Running", told, steps)
    failed = is_failing(own, told, now - began)
    percent = max((event.percent for event in told), default=0)
    # What a new server's probes say of it is no news.
    news = [event for event in told if event.error or event.type != "Warning"]
    message = news[-1].words if news else WAITING
    word = "Failed" if failed else "Starting"
    return WorkbenchStatus(word, percent, message, told, steps_of(told, failed=failed))


def beginning(notebook: Thing, pods: Sequence[Thing]) -> datetime:
    """When the present start began: of its pod, a moment before it; else of the Notebook."""
    present = [times.created(p) for p in pods if not p["metadata"].get("deletionTimestamp")]
    if present:
        return min(present) - timedelta(seconds=5)
    annotations = notebook["metadata"].get("annotations") or {}
    return max(times.created(notebook), times.parse(annotations.get(LAST_ACTIVITY)))


def is_failing(pods: Sequence[Thing], told: Sequence[Told], age: timedelta) -> bool:
    """Whether the newest that is told is an error, or a container waits for what will not come."""
    for pod in pods:
        for status in (pod.get("status") or {}).get("containerStatuses") or ():
            waiting = (status.get("state") or {}).get("waiting") or {}
            if waiting.get("reason") in _HOPELESS:
                return True
    if not told or age < PATIENCE:
        return False
    counted = [event for event in told if event.error or event.type != "Warning"]
    return bool(counted) and counted[-1].error


def steps_of(
    told: Sequence[Told], *, done: bool = False, failed: bool = False
) -> list[dict[str, str]]:
    """The steps of a start; what comes before a step that is done is done too."""
    reached = max((event.percent for event in told), default=0)
    steps = [{"label": "Workbench requested", "state": "done"}]
    current_given = False
    for _, words, percent in STEPS:
        if words in SELDOM and not any(event.percent == percent for event in told):
            continue
        if done or percent <= reached:
            state = "done"
        elif not current_given:
            state, current_given = ("failed" if failed else "progress"), True
        else:
            state = "pending"
        steps.append({"label": words, "state": state})
    last = "done" if done else ("pending" if current_given else "failed" if failed else "progress")
    return [*steps, {"label": "Workbench started", "state": last}]


__all__ = ["REQUESTED", "WorkbenchStatus", "is_stopped", "pods_of", "status_of"]
