"""What is open in a workbench or signed in to it, which a reset ends with the workbench.

Kernels and terminals live in the workbench's pod. A browser is signed in for as long as the
Secret lives that seals its cookie, with a token that ends with the workbench's service account.
"""

from __future__ import annotations

from lab_ground.kubernetes.manifest import Manifest
from lab_reset.cluster import Cluster

KINDS = (
    ("v1", "Pod", "its kernels and terminals"),
    ("v1", "Secret", "it seals who is signed in"),
    ("v1", "ServiceAccount", "its tokens are still good"),
)


def workbench_of(thing: Manifest) -> tuple[str, str]:
    """Return (uid, name) of the Notebook that ``thing`` belongs to; the uid may be unknown."""
    metadata = thing["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("kind") == "Notebook":
            return owner["uid"], owner["name"]
    return "", (metadata.get("labels") or {}).get("notebook-name", "")


def session_leftovers(cluster: Cluster) -> list[str]:
    """Name the sessions of workbenches that are gone."""
    notebooks = cluster.objects("kubeflow.org/v1", "Notebook")
    uids = {notebook["metadata"]["uid"] for notebook in notebooks}
    names = {notebook["metadata"]["name"] for notebook in notebooks}
    left = []
    for api_version, kind, why in KINDS:
        for thing in cluster.objects(api_version, kind):
            uid, name = workbench_of(thing)
            if (uid and uid not in uids) or (not uid and name and name not in names):
                left.append(f"{kind}/{thing['metadata']['name']} (of workbench {name}: {why})")
    return left
