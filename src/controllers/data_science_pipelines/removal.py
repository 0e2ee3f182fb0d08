"""Takes a DataSciencePipelinesApplication's parts away, in order."""

from __future__ import annotations

import logging
from typing import Any

from controllers.data_science_pipelines.build import FINALIZER
from controllers.data_science_pipelines.making import DSPA
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.errors import NotFoundError
from lab_ground.kubernetes.manifest import Manifest

logger = logging.getLogger(__name__)

STEP_GRACE = 5
STOPPING = 1.0


def remove(manifest: Manifest) -> float | None:
    """Steps first, then the server, then what it stood on; each is gone before the next goes."""
    finalizers = manifest["metadata"].get("finalizers") or []
    if FINALIZER not in finalizers:
        return None
    client = kubernetes.get_client()
    metadata = manifest["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    server, mariadb, minio = (f"{kind}-{name}" for kind in ("ds-pipeline", "mariadb", "minio"))
    client.delete("route.openshift.io/v1", "Route", server, namespace)
    client.delete("apps/v1", "Deployment", server, namespace)
    steps = client.list_objects(
        "v1", "Pod", namespace, label_selector=f"pipelines.kubeflow.org/server={name}"
    )
    for pod in steps:
        # Without an end that is waited for: what they make has nowhere to go any more.
        client.delete("v1", "Pod", pod["metadata"]["name"], namespace, grace_seconds=STEP_GRACE)
    if steps or _pods(namespace, server):
        return STOPPING
    for other in (mariadb, minio):
        client.delete("apps/v1", "Deployment", other, namespace)
    if _pods(namespace, mariadb) or _pods(namespace, minio):
        return STOPPING
    for other in (mariadb, minio):
        client.delete("v1", "PersistentVolumeClaim", other, namespace)
    left = [item for item in finalizers if item != FINALIZER]
    try:
        client.patch(*DSPA, name, {"metadata": {"finalizers": left}}, namespace)
    except NotFoundError:
        logger.debug("%s/%s is gone", namespace, name)
    return None


def _pods(namespace: str, app: str) -> list[dict[str, Any]]:
    client = kubernetes.get_client()
    return client.list_objects("v1", "Pod", namespace, label_selector=f"app={app}")
