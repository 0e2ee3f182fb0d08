"""A seat that takes all that it can get, within the limits of the role lab_project."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pipeline_project import PipelineServer, manifest
from platform_cluster import container

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError
from lab_ground.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
CLAIM, SIZE = "data", "256Mi"
BOMB = """
import os, time
while True:
    try:
        if os.fork() == 0:
            time.sleep(3600)
    except OSError:
        time.sleep(0.01)
"""
FILL = """
import time
with open("/data/file", "wb", buffering=0) as file:
    while True:
        try:
            file.write(bytes(1024 * 1024))
        except OSError:
            time.sleep(1)
"""
SPIN = """
import multiprocessing
def spin():
    while True:
        pass
for _ in range(2):
    multiprocessing.Process(target=spin).start()
"""
NOISE = {"bomb": BOMB, "filler": FILL, "busy": SPIN}


def limits(namespace: str) -> list[dict[str, Any]]:
    """What lab_project gives a small seat, by its own defaults."""
    defaults = yaml.safe_load((ROOT / "roles/lab_project/defaults/main.yml").read_text())
    closed = {"services.nodeports": "0", "services.loadbalancers": "0"}
    hard = {**defaults["lab_project_sizes"]["small"], **closed}
    container_limits = {
        "type": "Container",
        "defaultRequest": defaults["lab_project_container_requests"],
        "default": defaults["lab_project_container_limits"],
        "max": defaults["lab_project_container_most"],
    }
    metadata = {"name": "lab-seat", "namespace": namespace}
    return [
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}},
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": metadata,
            "spec": {"limits": [container_limits]},
        },
    ]


class NoisySeat:
    """The seat and what it is at."""

    def __init__(self, client: KubernetesClient, namespace: str) -> None:
        self._client = client
        self.namespace = namespace

    def pipeline_server(self) -> PipelineServer:
        """A pipeline server of the seat's own, ready."""
        self._client.create(manifest(self.namespace))
        server = PipelineServer(self._client, self.namespace)
        server.wait_until_ready(300)
        return server

    def start(self) -> None:
        """Begin with all of the noise that is pods of its own."""
        self._client.create(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": CLAIM, "namespace": self.namespace},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": SIZE}},
                },
            }
        )
        for name, program in NOISE.items():
            self._client.create(self._deployment(name, program))
        wait_for(
            lambda: {pod.partition("-")[0] for pod in self._running()} >= {"bomb", "busy"},
            90,
            lambda: f"the noise does not begin: {self._running()}",
        )

    def _deployment(self, name: str, program: str) -> dict[str, Any]:
        one = container(name, command=["python3", "-S", "-c", program])
        one.pop("readinessProbe")
        spec: dict[str, Any] = {
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [one],
        }
        if name == "filler":
            spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}]
            one["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        labels = {"noise": name}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": spec},
            },
        }

    def _running(self) -> list[str]:
        pods = self._client.list_objects("v1", "Pod", self.namespace, label_selector="noise")
        return [
            pod["metadata"]["name"]
            for pod in pods
            if (pod.get("status") or {}).get("phase") == "Running"
        ]

    def state(self) -> dict[str, Any]:
        """What there is of the noise, and how often the filler was stopped."""
        events = self._client.list_objects(
            "v1", "Event", self.namespace, field_selector=f"involvedObject.name={CLAIM}"
        )
        stops = sum(event["reason"] == "VolumeOverfull" for event in events)
        return {"running": sorted(self._running()), "filler_stopped": stops}


@contextmanager
def noisy_seat(client: KubernetesClient) -> Iterator[NoisySeat]:
    """A seat with its limits; all of it is gone afterwards."""
    namespace = f"noisy-{uuid.uuid4().hex[:6]}"
    labels = {
        "opendatahub.io/dashboard": "true",
        "pod-security.kubernetes.io/enforce": "restricted",
    }
    metadata = {"name": namespace, "labels": labels}
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    try:
        for made in limits(namespace):
            client.create(made)
        wait_for(lambda: client.get("v1", "ServiceAccount", "default", namespace), 30, "an account")
        yield NoisySeat(client, namespace)
    finally:
        server = PipelineServer(client, namespace)
        try:
            if server.get() is not None:
                server.delete(180)
        except ApiError:
            pass
        client.delete("v1", "Namespace", namespace)
        wait_for(
            lambda: client.get("v1", "Namespace", namespace) is None, 240, f"{namespace} remains"
        )
