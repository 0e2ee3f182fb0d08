"""A model's state as upstream derives it, and where it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Thing = Mapping[str, Any]
STATES = ("Pending", "Standby", "FailedToLoad", "Loading", "Loaded", "Unknown")
WORDS = {
    "Loaded": "Available",
    "Standby": "Available",
    "Pending": "In Progress",
    "Loading": "In Progress",
    "FailedToLoad": "Failed",
    "Unknown": "Status Unknown",
}
NO_ROOM = "Insufficient resources"


def is_single(model: Thing) -> bool:
    """Whether a model has a server of its own."""
    mode = (model["metadata"].get("annotations") or {}).get("serving.kserve.io/deploymentMode")
    return mode in ("RawDeployment", "Standard", "Serverless")


def runtime_of(model: Thing) -> str:
    """The ServingRuntime that a model names."""
    return str(_model(model).get("runtime") or "")


def _model(model: Thing) -> Thing:
    predictor = (model.get("spec") or {}).get("predictor") or {}
    found: Thing = predictor.get("model") or {}
    return found


def pods_of(model: Thing, pods: Sequence[Thing]) -> list[Thing]:
    """The pods that serve a model."""
    if is_single(model):
        key, value = "serving.kserve.io/inferenceservice", model["metadata"]["name"]
    else:
        key, value = "name", f"modelmesh-serving-{runtime_of(model)}"
    return [p for p in pods if (p["metadata"].get("labels") or {}).get(key) == value]


def has_no_room(pods: Sequence[Thing]) -> bool:
    """Whether a pod waits because it fits nowhere."""
    return any(
        (pod.get("status") or {}).get("phase") == "Pending"
        and any(
            condition.get("reason") == "Unschedulable"
            for condition in (pod.get("status") or {}).get("conditions") or ()
        )
        for pod in pods
    )


def status_of(model: Thing, pods: Sequence[Thing]) -> dict[str, Any]:
    """State, word and message."""
    said = (model.get("status") or {}).get("modelStatus") or {}
    states = said.get("states") or {}
    state = states.get("activeModelState") or states.get("targetModelState") or "Unknown"
    if state not in STATES:
        state = "Unknown"
    message = state
    if state == "FailedToLoad":
        message = str((said.get("lastFailureInfo") or {}).get("message") or state)
    if has_no_room(pods_of(model, pods)):
        state, message = "FailedToLoad", NO_ROOM
    return {"state": state, "word": WORDS[state], "message": message, "cause": None}


def endpoints_of(model: Thing, route: Thing | None, *, wants_route: bool) -> dict[str, Any]:
    """Where a model answers, inside the cluster and outside."""
    status = model.get("status") or {}
    if is_single(model):
        inside = (status.get("address") or {}).get("url")
        internal = [{"name": "url", "url": inside}] if inside else []
        outside = str(status.get("url") or "")
        host = outside.split("//")[-1].split("/")[0].split(":")[0]
        external = outside if outside and not host.endswith(".svc.cluster.local") else None
    else:
        parts = (status.get("components") or {}).get("predictor") or {}
        internal = [
            {"name": key, "url": parts[key]}
            for key in ("grpcUrl", "restUrl", "url")
            if parts.get(key)
        ]
        external = _infer_url(route) if route else None
    message = None
    if wants_route and external is None:
        message = "The route is being made."
    elif not internal and external is None:
        message = "No endpoint was found."
    return {"internal": internal, "external": external, "message": message}


def _infer_url(route: Thing) -> str | None:
    for entry in (route.get("status") or {}).get("ingress") or ():
        conditions = entry.get("conditions") or ()
        if all(c.get("status") == "True" for c in conditions if c.get("type") == "Admitted"):
            path = (route.get("spec") or {}).get("path") or ""
            return f"https://{entry['host']}{path}/infer"
    return None
