"""Whether an object is as it should be: one function per kind, one table of kinds.

Waiting, the diagnosis, the status and the validation all ask here, so that none of them calls an
object well that another calls broken. Pure: an object comes as the API gives it.

The rules are those of `kubectl rollout status` and of each kind's own API reference. Common to all:
an object that is being removed is not ready, and a status that speaks of an older generation says
nothing of this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab_ground.kubernetes.conditions import get_condition

STOPPED_ANNOTATION = "kubeflow-resource-stopped"
# KServe copies there the generation of the model's Deployment, a number with a life of its own.
FOREIGN_GENERATION = ("InferenceService",)
# What a condition without a message leaves to say.
NOT_YET = "not ready yet"


@dataclass(frozen=True)
class Readiness:
    """How an object is. ``why`` says why it is not ready, as the end of a sentence."""

    ready: bool
    why: str = ""
    # Nothing of it is to run: it was scaled to nothing, suspended, or stopped by somebody.
    stopped: bool = False
    # It will not become ready by itself any more.
    failed: bool = False

    @property
    def well(self) -> bool:
        """Tell whether nobody has to do anything: it is ready, or stopped on purpose."""
        return self.ready or self.stopped


READY = Readiness(True)
STOPPED = Readiness(False, "it is stopped", stopped=True)
Manifest = Mapping[str, Any]
Look = Callable[[Manifest], Readiness]


def readiness(manifest: Manifest) -> Readiness:
    """Return how an object is.

    An object of a kind that the table does not know is ready when it says so in one of the
    conditions by which kinds sum themselves up.
    """
    if (manifest.get("metadata") or {}).get("deletionTimestamp"):
        return waiting("it is being removed")
    if (behind := _behind(manifest)) is not None:
        return behind
    return look_of(manifest)(manifest)


def is_ready(manifest: Manifest | None) -> bool:
    """Say whether an object is there and ready."""
    return manifest is not None and readiness(manifest).ready


def is_stopped(manifest: Manifest) -> bool:
    """Say whether an object is not to run, and nothing of it runs any more."""
    status = manifest.get("status") or {}
    running = status.get("replicas") or status.get("active") or status.get("readyReplicas")
    return readiness(manifest).stopped and not running


def look_of(manifest: Manifest) -> Look:
    """Return the function for an object's kind."""
    group = str(manifest.get("apiVersion") or "").rpartition("/")[0]
    kind = str(manifest.get("kind") or "")
    return KINDS.get((group, kind)) or KINDS.get(("", kind)) or by_conditions


def waiting(why: object, *, failed: bool = False) -> Readiness:
    """Return that something is not ready, and why."""
    return Readiness(False, str(why or NOT_YET), failed=failed)


def _behind(manifest: Manifest) -> Readiness | None:
    """Return that the status is of an older generation, if it says of which it is."""
    if manifest.get("kind") in FOREIGN_GENERATION:
        return None
    status = manifest.get("status") or {}
    generation = (manifest.get("metadata") or {}).get("generation")
    observed = status.get("observedGeneration")
    if generation is None or observed is None or observed >= generation:
        return None
    return waiting("its controller has not seen its latest change yet")


def condition_of(manifest: Manifest, kind: str) -> Manifest:
    """Return a condition, empty where there is none or it speaks of an older generation."""
    condition = get_condition((manifest.get("status") or {}).get("conditions"), kind) or {}
    generation = (manifest.get("metadata") or {}).get("generation")
    observed = condition.get("observedGeneration")
    return {} if observed and generation and observed < generation else condition


def _is_true(manifest: Manifest, kind: str) -> bool:
    return bool(condition_of(manifest, kind).get("status") == "True")


def words_of(condition: Manifest) -> str:
    """Return what a condition says, its message before its reason."""
    return str(condition.get("message") or condition.get("reason") or "")


def by_condition(*kinds: str) -> Look:
    """Return a look for the first of these conditions that an object has."""

    def look(manifest: Manifest) -> Readiness:
        for kind in kinds:
            if condition := condition_of(manifest, kind):
                if condition.get("status") == "True":
                    return READY
                return waiting(words_of(condition))
        return waiting(NOT_YET)

    return look


by_conditions = by_condition("Ready", "Available", "Complete", "Established")


def when_there(manifest: Manifest) -> Readiness:
    """An object that only holds data, or whose controller says nothing of it."""
    del manifest
    return READY


def by_phase(*good: str, bad: Iterable[str] = (), stopped: Iterable[str] = ()) -> Look:
    """Return a look for the phase of an object."""

    def look(manifest: Manifest) -> Readiness:
        status = manifest.get("status") or {}
        phase = str(status.get("phase") or "")
        if phase in good:
            return READY
        if phase in stopped:
            return STOPPED
        told = status.get("message") or status.get("reason")
        why = f"it is {phase}" if phase else NOT_YET
        return waiting(f"{why}: {told}" if told else why, failed=phase in bad)

    return look


def _replicas(ready: int, updated: int, asked: int, manifest: Manifest) -> Readiness:
    if ready >= asked and updated >= asked:
        return READY if asked else STOPPED
    progress = condition_of(manifest, "Progressing")
    stuck = progress if progress.get("status") == "False" else {}
    refused = condition_of(manifest, "ReplicaFailure")
    refused = refused if refused.get("status") == "True" else {}
    available = condition_of(manifest, "Available")
    available = available if available.get("status") == "False" else {}
    told = words_of(refused) or words_of(available) or words_of(stuck)
    if ready >= asked:
        return waiting(told or f"{updated} of {asked} have its latest template")
    return waiting(f"{ready} of {asked} ready, {told or 'its pods are not ready'}")


def deployment(manifest: Manifest) -> Readiness:
    """All pods of the newest template are ready (`kubectl rollout status`)."""
    status, asked = manifest.get("status") or {}, _asked(manifest)
    updated = status.get("updatedReplicas") or 0
    outcome = _replicas(status.get("readyReplicas") or 0, updated, asked, manifest)
    former = (status.get("replicas") or 0) - updated
    if outcome.ready and former > 0:
        return waiting(f"{former} of its former template have not ended")
    return outcome


def stateful_set(manifest: Manifest) -> Readiness:
    """All pods of the newest template are ready; one that is updated by hand has no newest."""
    status, spec, asked = manifest.get("status") or {}, manifest.get("spec") or {}, _asked(manifest)
    by_hand = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    updated = asked if by_hand else status.get("updatedReplicas") or 0
    return _replicas(status.get("readyReplicas") or 0, updated, asked, manifest)


def replica_set(manifest: Manifest) -> Readiness:
    """All its pods are ready."""
    asked = _asked(manifest)
    ready = (manifest.get("status") or {}).get("readyReplicas") or 0
    return _replicas(ready, asked, asked, manifest)


def daemon_set(manifest: Manifest) -> Readiness:
    """A pod of the newest template is ready on every node that it is for."""
    status = manifest.get("status") or {}
    asked = status.get("desiredNumberScheduled")
    if asked is None:
        return waiting(NOT_YET)
    updated = status.get("updatedNumberScheduled") or 0
    outcome = _replicas(status.get("numberReady") or 0, updated, asked, manifest)
    return outcome if asked else READY


def _asked(manifest: Manifest) -> int:
    asked = (manifest.get("spec") or {}).get("replicas")
    return 1 if asked is None else int(asked)


def pod(manifest: Manifest) -> Readiness:
    """It answers its probes, or has ended well."""
    status = manifest.get("status") or {}
    if status.get("phase") == "Succeeded" or _is_true(manifest, "Ready"):
        return READY
    if status.get("phase") == "Failed":
        return waiting(status.get("message") or status.get("reason") or "it failed", failed=True)
    scheduled = condition_of(manifest, "PodScheduled")
    if scheduled.get("status") == "False":
        return waiting(words_of(scheduled))
    return waiting(words_of(condition_of(manifest, "Ready")))


def job(manifest: Manifest) -> Readiness:
    """It has ended well."""
    if _is_true(manifest, "Complete") or _is_true(manifest, "SuccessCriteriaMet"):
        return READY
    if _is_true(manifest, "Failed"):
        return waiting(words_of(condition_of(manifest, "Failed")) or "it failed", failed=True)
    if (manifest.get("spec") or {}).get("suspend"):
        return STOPPED
    return waiting("it has not ended yet")


def service(manifest: Manifest) -> Readiness:
    """Of Kubernetes: there, and with an address where a load balancer is to give it one."""
    balanced = (manifest.get("spec") or {}).get("type") == "LoadBalancer"
    addresses = ((manifest.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return READY if addresses or not balanced else waiting("no load balancer has taken it up yet")


def route(manifest: Manifest) -> Readiness:
    """Of OpenShift: a router has admitted it."""
    ingress = (manifest.get("status") or {}).get("ingress") or []
    said = [
        condition
        for entry in ingress
        for condition in entry.get("conditions") or []
        if condition.get("type") == "Admitted"
    ]
    if any(condition.get("status") == "True" for condition in said):
        return READY
    refused = next((words_of(condition) for condition in said), "")
    if said:
        return waiting(refused or "it is refused")
    return waiting("no router has taken it up yet")


def notebook(manifest: Manifest) -> Readiness:
    """Its pod is ready; upstream's controller copies the pod's conditions, newest first."""
    if STOPPED_ANNOTATION in ((manifest.get("metadata") or {}).get("annotations") or {}):
        return STOPPED
    if condition := condition_of(manifest, "Ready"):
        return READY if condition.get("status") == "True" else waiting(words_of(condition))
    if (manifest.get("status") or {}).get("readyReplicas"):
        return READY
    return waiting("its pod is not ready yet")


def inference_service(manifest: Manifest) -> Readiness:
    """It answers with the model that its spec names.

    A model that is loaded answers on while its successor cannot be loaded; that is not well.
    """
    model = (manifest.get("status") or {}).get("modelStatus") or {}
    transition = model.get("transitionStatus")
    if transition in ("BlockedByFailedLoad", "InvalidSpec"):
        failure = model.get("lastFailureInfo") or {}
        told = failure.get("message") or failure.get("reason")
        return waiting(told or f"its model is not loaded ({transition})")
    return by_condition("Ready")(manifest)


def serving_runtime(manifest: Manifest) -> Readiness:
    """It has no status: models say whether it serves them."""
    return STOPPED if (manifest.get("spec") or {}).get("disabled") else READY


def image_stream(manifest: Manifest) -> Readiness:
    """Each tag that its spec asks for has an image."""
    status = manifest.get("status") or {}
    tags = {tag.get("tag"): tag for tag in status.get("tags") or []}
    for tag in (manifest.get("spec") or {}).get("tags") or []:
        name = str(tag.get("name"))
        known = tags.get(name) or {}
        if known.get("items"):
            continue
        failed = [c for c in known.get("conditions") or [] if c.get("status") == "False"]
        told = words_of(failed[0]) if failed else ""
        return waiting(f"tag {name} has no image" + (f": {told}" if told else " yet"))
    return READY


KNATIVE = "serving.knative.dev"
# (group, kind); the group "" is Kubernetes' own, and any that has not another of that name.
KINDS: Mapping[tuple[str, str], Look] = {
    ("apps", "Deployment"): deployment,
    ("apps", "StatefulSet"): stateful_set,
    ("apps", "DaemonSet"): daemon_set,
    ("apps", "ReplicaSet"): replica_set,
    ("", "Deployment"): deployment,
    ("", "StatefulSet"): stateful_set,
    ("", "DaemonSet"): daemon_set,
    ("", "ReplicaSet"): replica_set,
    ("", "ReplicationController"): replica_set,
    ("", "Pod"): pod,
    ("", "Job"): job,
    ("", "Node"): by_condition("Ready"),
    ("", "Namespace"): by_phase("Active"),
    ("", "PersistentVolumeClaim"): by_phase("Bound", bad=("Lost",)),
    ("", "PersistentVolume"): by_phase("Bound", "Available", bad=("Failed",)),
    ("", "Service"): service,
    (KNATIVE, "Service"): by_condition("Ready"),
    (KNATIVE, "Route"): by_condition("Ready"),
    (KNATIVE, "Revision"): by_condition("Ready"),
    (KNATIVE, "Configuration"): by_condition("Ready"),
    ("", "Route"): route,
    ("", "ImageStream"): image_stream,
    ("", "Build"): by_phase("Complete", bad=("Failed", "Error"), stopped=("Cancelled",)),
    ("", "Notebook"): notebook,
    ("", "DataSciencePipelinesApplication"): by_condition("Ready"),
    ("", "InferenceService"): inference_service,
    ("", "ServingRuntime"): serving_runtime,
    ("", "ClusterServingRuntime"): serving_runtime,
    ("", "CustomResourceDefinition"): by_condition("Established"),
    ("", "APIService"): by_condition("Available"),
    **{
        ("", kind): when_there
        for kind in (
            "BuildConfig", "ClusterRole", "ClusterRoleBinding", "ConfigMap", "CronJob",
            "EndpointSlice", "Endpoints", "Event", "IngressClass", "Lease", "LimitRange",
            "NetworkPolicy", "PodTemplate", "PriorityClass", "ResourceQuota", "Role",
            "RoleBinding", "RuntimeClass", "Secret", "ServiceAccount", "StorageClass",
        )
    },
}  # fmt: skip
