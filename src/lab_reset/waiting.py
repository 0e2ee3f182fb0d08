"""Saying who holds an object that does not go away."""

from __future__ import annotations

from collections.abc import Iterable

from lab_ground.kubernetes.manifest import Manifest

# finalizer -> who should have removed it. Prefixes, since upstream adds versions to some.
RESPONSIBLE = {
    "kubernetes.io/pvc-protection": "the volume controller, once no pod uses the claim",
    "kubernetes.io/pv-protection": "the volume controller, once no claim is bound to the volume",
    "foregroundDeletion": "the garbage collector, once everything it owns is gone",
    "orphan": "the garbage collector",
    "odh.inferenceservice.finalizers": "the model serving controller (lab-operators or "
    "odh-model-controller)",
    "modelmesh-controller": "the ModelMesh controller",
    "datasciencepipelinesapplications.opendatahub.io": "the pipelines controller "
    "(lab-operators or data-science-pipelines-operator)",
    "kopf": "the platform's controllers (Deployment lab-operators in lab-platform)",
    "lab.": "the platform's controllers (Deployment lab-operators in lab-platform)",
}


def responsible_for(finalizer: str) -> str:
    """Return who removes a finalizer, in words."""
    for known, who in RESPONSIBLE.items():
        if known in finalizer:
            return who
    return "the controller that set it"


def why_it_stays(thing: Manifest, pods: Iterable[Manifest] = ()) -> str:
    """Return one sentence: which object is still there, and what it waits for.

    ``pods`` are the namespace's pods; a claim is held by those that mount it.
    """
    metadata = thing["metadata"]
    title = f"{thing['kind']}/{metadata['name']}"
    if not metadata.get("deletionTimestamp"):
        return f"{title} is still there and was not asked to go: something creates it again"
    finalizers = metadata.get("finalizers") or []
    if not finalizers:
        return f"{title} is going away but its containers have not ended yet"
    reasons = "; ".join(
        f"finalizer {name}, removed by {responsible_for(name)}" for name in finalizers
    )
    users = [
        pod["metadata"]["name"]
        for pod in pods
        if thing["kind"] == "PersistentVolumeClaim" and metadata["name"] in mounted_claims(pod)
    ]
    held = f", still mounted by pod {', '.join(sorted(users))}" if users else ""
    return f"{title} waits for {reasons}{held}"


def mounted_claims(pod: Manifest) -> set[str]:
    """Return the names of the claims that a pod mounts."""
    return {
        volume["persistentVolumeClaim"]["claimName"]
        for volume in pod["spec"].get("volumes") or ()
        if volume.get("persistentVolumeClaim")
    }
