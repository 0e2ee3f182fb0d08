"""The task ``lab_model_wait``: looks until a model is served in every namespace."""

from __future__ import annotations

import logging
import time
from typing import Any

from lab_diagnosis import Finding
from lab_diagnosis.collect import explain_error
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.readiness import readiness
from lab_ground.waiting import moments
from lab_playbook.cluster import explain_object
from lab_playbook.outcome import Arguments, Result, TaskError
from lab_playbook.reading import named

logger = logging.getLogger(__name__)
PAUSE = 1.0
# Seconds that a status may still be the former spec's, where it does not say whose it is.
SETTLE = 5.0
# Seconds that a failure must last: the server tries again after 3 and 6 more.
PATIENCE = 20.0
API = "serving.kserve.io/v1beta1"
KIND = "InferenceService"
FAILED = ("BlockedByFailedLoad", "InvalidSpec")
MANAGED_BY = "app.kubernetes.io/managed-by"
PLATFORM = "lab-platform"


def is_current(service: Manifest, deployment: Manifest | None = None) -> bool:
    """Say whether a status is of the present spec, as far as it can be told."""
    observed = (service.get("status") or {}).get("observedGeneration")
    if observed is None or observed == service["metadata"].get("generation"):
        return True
    # KServe copies the generation of its Deployment, a number with a life of its own.
    labels = (deployment or {}).get("metadata", {}).get("labels") or {}
    foreign = labels.get(MANAGED_BY) != PLATFORM
    return deployment is not None and foreign and readiness(deployment).well


def transition_of(service: Manifest) -> str:
    """Return what a model's status says of the way to what its spec asks for."""
    model = (service.get("status") or {}).get("modelStatus") or {}
    return str(model.get("transitionStatus", ""))


def explain_failure(service: Manifest) -> Finding:
    """Say why a model cannot be served."""
    metadata, status = service["metadata"], service["status"]["modelStatus"]
    failure = status.get("lastFailureInfo") or {}
    state = (status.get("states") or {}).get("targetModelState", "FailedToLoad")
    return Finding(
        f"Model {metadata['namespace']}/{metadata['name']}",
        f"is {state}: {failure.get('message') or 'no reason given'}",
        f"oc -n {metadata['namespace']} describe inferenceservice {metadata['name']}",
    )


def judge(service: Manifest, deployment: Manifest | None, spent: float) -> str:
    """Return ready, failed or waiting."""
    told = (service.get("status") or {}).get("observedGeneration")
    if not is_current(service, deployment):
        return "waiting"
    if told != service["metadata"].get("generation") and spent < SETTLE:
        return "waiting"
    transition = transition_of(service)
    if transition in FAILED:
        return "failed"
    return "ready" if transition == "UpToDate" else "waiting"


def look(
    cluster: KubernetesClient, arguments: Arguments, spent: float
) -> tuple[list[str], Manifest | None]:
    """Return the namespaces that are waited for, and the first model that cannot be served."""
    name = arguments["name"]
    services = named(cluster, API, KIND, name, arguments["namespaces"])
    deployments: dict[str, Manifest] = {}
    if arguments["raw"]:
        deployments = named(
            cluster, "apps/v1", "Deployment", f"{name}-predictor", arguments["namespaces"]
        )
    verdicts = {
        namespace: judge(service, deployments.get(namespace), spent)
        for namespace, service in services.items()
    }
    failed = [name for name in arguments["namespaces"] if verdicts.get(name) == "failed"]
    waiting = [name for name in arguments["namespaces"] if verdicts.get(name) != "ready"]
    return waiting, services[failed[0]] if failed else None


def count(since: float | None, failing: bool, spent: float) -> tuple[float | None, bool]:
    """Return since when a model has been failing, and whether that has lasted long enough."""
    if not failing:
        return None, False
    since = spent if since is None else since
    return since, spent - since >= PATIENCE


def wait(arguments: Arguments, check_mode: bool) -> Result:
    """Wait until the model is served in each namespace; in check mode for nothing."""
    if check_mode:
        return {"seconds": 0.0}
    name, namespaces = arguments["name"], arguments["namespaces"]
    began = time.monotonic()
    failing_since = None
    cluster: Any = None
    waiting = namespaces
    for _ in moments(arguments["timeout"], PAUSE):
        waiting, failed = namespaces, None
        try:
            cluster = cluster or open_client()
            waiting, failed = look(cluster, arguments, time.monotonic() - began)
        except Exception as error:
            # The API server may be away for a moment; in the end the sentence says so.
            logger.debug("%s %s: %s", KIND, name, explain_error(error))
        spent = time.monotonic() - began
        failing_since, lasts = count(failing_since, bool(failed), spent)
        if not waiting:
            return {"seconds": round(spent, 1)}
        if failed and lasts:
            raise TaskError.of(explain_failure(failed))
    raise TaskError.of(explain_object(KIND, name, waiting[0], API, step="serving the model"))
