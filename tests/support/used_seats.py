"""Letting the seats of a class be used, as far as the machine has room for it.

A used seat has a file in its workbench's volume and the lab's trained model in its bucket; a served
one also a model server that has loaded it, behind its token.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from kubernetes import client
from kubernetes.utils.quantity import parse_quantity
from launcher import run_lab
from seat_buckets import open_bucket

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_ground.s3 import Bucket
from lab_ground.waiting import wait_for

MODEL = "onnx/model-v2.onnx"
# What a model server reserves when its own container asks for so little: with puller and proxy.
SERVER_RESOURCES = {
    "requests": {"cpu": "10m", "memory": "256Mi"},
    "limits": {"cpu": "2", "memory": "1Gi"},
}
SERVER_CPU = Decimal("0.07")
# Left free, for what a reset itself starts.
SPARE_CPU = Decimal("0.1")
WRITER = "file-writer"


def room(core: client.CoreV1Api) -> int:
    """Return how many more model servers the machine's processors can reserve for."""
    free = sum(parse_quantity(node.status.allocatable["cpu"]) for node in core.list_node().items)
    for pod in core.list_pod_for_all_namespaces().items:
        if pod.status.phase not in ("Succeeded", "Failed"):
            for container in pod.spec.containers:
                requests = (container.resources and container.resources.requests) or {}
                free -= parse_quantity(requests.get("cpu", "0"))
    return max(0, int((free - SPARE_CPU) / SERVER_CPU))


def bucket_of(seat: str, access: Access, cluster: ClusterReader) -> Bucket:
    """Return a seat's bucket, by the store's Route."""
    secret = cluster.secret(f"{seat}/{access.get('s3.secret').rpartition('/')[2]}")
    url = access.get("s3.url").replace(f"-{access.namespace}.", f"-{seat}.")
    return open_bucket(secret, url, access.verify)


def copy_model(seats: Sequence[str], access: Access, cluster: ClusterReader) -> None:
    """Put the model of the lab's own seat into each seat's bucket."""
    body = bucket_of(access.namespace, access, cluster).read(MODEL)
    for seat in seats:
        bucket_of(seat, access, cluster).put(MODEL, body)


def writer(image: str) -> dict[str, Any]:
    """Return a pod that leaves a file in the workbench's volume."""
    container = {
        "name": "main",
        "image": image,
        "command": ["python3", "-c", "open('/seat/my-work.txt', 'w').write('mine')"],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "volumeMounts": [{"name": "work", "mountPath": "/seat"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 1001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    spec = {
        "containers": [container],
        "restartPolicy": "Never",
        "volumes": [{"name": "work", "persistentVolumeClaim": {"claimName": "notebook"}}],
    }
    return {"metadata": {"name": WRITER}, "spec": spec}


def write_files(
    core: client.CoreV1Api, seats: Sequence[str], image: str, timeout: float = 180
) -> None:
    """Leave a file in each seat's volume, which is made for it.

    Raises:
        NotInTimeError: a seat's file is not written within ``timeout`` seconds.
    """
    for seat in seats:
        core.create_namespaced_pod(seat, writer(image))

    def unwritten() -> list[str]:
        phases = {seat: core.read_namespaced_pod(WRITER, seat).status.phase for seat in seats}
        return [seat for seat, phase in phases.items() if phase != "Succeeded"]

    wait_for(lambda: not unwritten(), timeout, lambda: f"no file in {unwritten()}", 0.5)
    for seat in seats:
        core.delete_namespaced_pod(WRITER, seat, grace_period_seconds=0)


def use(seats: Sequence[str], access: Access, cluster: ClusterReader) -> int:
    """Use all seats, serve the model in as many as there is room for; return how many those are."""
    core = client.CoreV1Api()
    registry = "image-registry.openshift-image-registry.svc:5000"
    write_files(core, seats, f"{registry}/{access.get('images.namespace')}/mnist-inference:1.0")
    copy_model(seats, access, cluster)
    served = list(seats[: room(core)])
    if served:
        extra = {"lab_seats": served, "lab_serving_resources": SERVER_RESOURCES}
        run_lab("run", "serve-model", "-e", json.dumps(extra))
    return len(served)
