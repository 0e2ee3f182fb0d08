"""The status of an InferenceService, made from what its pods report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controllers.model_serving.specs import SpecError
from lab_ground.kubernetes.conditions import now, set_condition

Status = dict[str, Any]

PENDING, LOADING, LOADED, FAILED = "Pending", "Loading", "Loaded", "FailedToLoad"


@dataclass(frozen=True)
class Copy:
    """How one pod has the model."""

    pod: str
    state: str = PENDING
    revision: str = ""
    active_revision: str = ""
    message: str = ""
    time: str = ""
    served_as: str = ""
    """The name in its replies, where that is not the revision's."""

    @property
    def name(self) -> str:
        """What its replies say; it differs from content to content."""
        return self.served_as or self.active_revision


@dataclass(frozen=True)
class Observation:
    """All that is known of a model's copies."""

    revision: str
    wanted_copies: int
    copies: Sequence[Copy] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    pod_trouble: str = ""
    """Why pods of the runtime do not run, where they do not."""
    route_trouble: str = ""
    """Why the model's Route is not served, where it has one that is not."""

    @property
    def loaded(self) -> list[Copy]:
        """Copies that serve the wanted revision."""
        return [copy for copy in self.copies if copy.active_revision == self.revision]

    @property
    def failed(self) -> list[Copy]:
        """Copies that could not load the wanted revision."""
        return [
            copy for copy in self.copies if copy.state == FAILED and copy.revision == self.revision
        ]

    @property
    def settled(self) -> bool:
        """Whether nothing more is expected to happen by itself."""
        return len(self.loaded) >= max(self.wanted_copies, 1) or bool(self.failed)


def build_status(before: Mapping[str, Any], generation: int, seen: Observation) -> Status:
    """The status of a model that a runtime has been told to serve."""
    complete = len(seen.loaded) >= seen.wanted_copies > 0
    serving_old = [
        copy
        for copy in seen.copies
        if copy.active_revision and copy.active_revision != seen.revision
    ]
    names = {copy.name for copy in seen.loaded}
    was_loaded = _active_state(before) == LOADED and _served_revision(before) in names
    failure = _failure(seen, complete=complete)
    target = LOADED if complete else FAILED if seen.failed else LOADING
    if complete or (was_loaded and seen.loaded) or serving_old:
        active = LOADED
    elif seen.failed:
        active = FAILED
    else:
        active = LOADING if any(copy.state == LOADING for copy in seen.copies) else PENDING
    if target == LOADED:
        transition = "UpToDate"
    else:
        transition = "BlockedByFailedLoad" if seen.failed else "InProgress"
    if not complete and not failure and seen.pod_trouble:
        failure = _info("RuntimeUnhealthy", seen.pod_trouble, seen.revision)
    model_status: Status = {
        "transitionStatus": transition,
        "states": {"activeModelState": active, "targetModelState": target},
        "copies": {"totalCopies": len(seen.loaded), "failedCopies": len(seen.failed)},
        "lastFailureInfo": _keep_time(before, failure),
    }
    if complete:
        model_status["activeRevisionName"] = _name_of_all(before, names)
    reason, message = _explanation(active, failure)
    status = _status(before, generation, active == LOADED, reason, message, model_status, seen.urls)
    if active == LOADED and seen.route_trouble:
        # As KServe's IngressReady: the model is served, and whom it is for does not reach it.
        status["conditions"] = set_condition(
            status["conditions"], "Ready", False, "RouteNotAdmitted", seen.route_trouble
        )
    return status


def build_refusal(before: Mapping[str, Any], generation: int, error: SpecError) -> Status:
    """The status of a model that no runtime can be told to serve."""
    model_status = {
        "transitionStatus": "InvalidSpec",
        "states": {"activeModelState": FAILED, "targetModelState": FAILED},
        "copies": {"totalCopies": 0, "failedCopies": 0},
        "lastFailureInfo": _keep_time(before, _info(error.reason, error.message, "")),
    }
    return _status(before, generation, False, error.reason, error.message, model_status, {})


def pod_trouble(pods: Iterable[Mapping[str, Any]]) -> str:
    """Why a pod does not run, from its containers' states; empty while all is well."""
    for pod in pods:
        status = pod.get("status") or {}
        statuses = [
            *(status.get("initContainerStatuses") or []),
            *(status.get("containerStatuses") or []),
        ]
        for container in statuses:
            waiting = (container.get("state") or {}).get("waiting") or {}
            reason = waiting.get("reason", "")
            ended = (container.get("lastState") or {}).get("terminated") or {}
            if ended.get("reason") == "OOMKilled":
                return f"container {container['name']} was out of memory"
            if reason not in {"", "ContainerCreating", "PodInitializing"}:
                detail = ended.get("message") or waiting.get("message") or ""
                return f"container {container['name']}: {reason} {detail}".strip()
        for condition in status.get("conditions") or []:
            if condition["type"] == "PodScheduled" and condition["status"] == "False":
                return f"pod cannot be scheduled: {condition.get('message', '')}"
    return ""


def _failure(seen: Observation, *, complete: bool) -> Status | None:
    """Why the wanted revision is not loaded, or what was put in its place cannot be."""
    found = [copy for copy in seen.loaded if copy.message] if complete else seen.failed
    if not found:
        return None
    worst = found[0]
    info = _info("ModelLoadFailed", worst.message, worst.revision)
    info["time"] = worst.time or info["time"]
    info["location"] = worst.pod
    return info


def _info(reason: str, message: str, revision: str) -> Status:
    return {
        "reason": reason,
        "message": message,
        "modelRevisionName": revision,
        "location": "",
        "time": now(),
    }


def _keep_time(before: Mapping[str, Any], info: Status | None) -> Status | None:
    """The same failure keeps its time, so that a status which says nothing new is not written."""
    if info is None:
        return None
    old = (before.get("modelStatus") or {}).get("lastFailureInfo") or {}
    same = all(old.get(key) == info[key] for key in ("reason", "message", "modelRevisionName"))
    return dict(old) if same else info


def _name_of_all(before: Mapping[str, Any], names: set[str]) -> str:
    """What replies say; while pods take up another content one after another, the former."""
    former = _served_revision(before)
    return former if former in names else min(names)


def _active_state(before: Mapping[str, Any]) -> str:
    states = (before.get("modelStatus") or {}).get("states") or {}
    return str(states.get("activeModelState") or "")


def _served_revision(before: Mapping[str, Any]) -> str:
    return str((before.get("modelStatus") or {}).get("activeRevisionName") or "")


def _explanation(active: str, failure: Mapping[str, Any] | None) -> tuple[str, str]:
    if active == LOADED:
        return "ModelLoaded", ""
    if failure:
        return str(failure["reason"]), str(failure["message"])
    return "ModelLoading", "the runtime has not loaded the model yet"


def _status(
    before: Mapping[str, Any],
    generation: int,
    ready: bool,
    reason: str,
    message: str,
    model_status: Status,
    urls: Mapping[str, str],
) -> Status:
    conditions = before.get("conditions")
    for kind in ("PredictorReady", "Ready"):
        conditions = set_condition(conditions, kind, ready, reason, message)
    status: Status = {
        "observedGeneration": generation,
        "conditions": conditions,
        "modelStatus": model_status,
        "url": urls.get("url"),
        "components": {"predictor": dict(urls)} if urls else None,
        "address": {"url": urls["restUrl"]} if urls else None,
    }
    return status
