"""A pipeline server under test: its resource, its addresses, its pods."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import cluster_accounts
import requests

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ConflictError
from lab_ground.waiting import wait_for

API_VERSION = "datasciencepipelinesapplications.opendatahub.io/v1"
KIND = "DataSciencePipelinesApplication"
NAME = "ds-pipeline"
ROOT = Path(__file__).resolve().parents[2]
# Upstream requires an image of the store; any but the platform's own is passed over here.
STORE_IMAGE = "quay.io/opendatahub/minio:RELEASE.2019-08-14T20-37-41Z-license-compliance"


def manifest(namespace: str, **spec: Any) -> dict[str, Any]:
    """A DataSciencePipelinesApplication as the dashboard makes it."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {
            "dspVersion": "v2",
            "database": {"mariaDB": {"deploy": True, "pvcSize": "1Gi"}},
            "objectStorage": {
                "enableExternalRoute": True,
                "minio": {
                    "deploy": True,
                    "image": STORE_IMAGE,
                    "pvcSize": "1Gi",
                },
            },
            **spec,
        },
    }


class PipelineServer:
    """One DataSciencePipelinesApplication and what belongs to it."""

    def __init__(self, kubernetes: KubernetesClient, namespace: str, name: str = NAME) -> None:
        self.kubernetes = kubernetes
        self.namespace = namespace
        self.name = name

    def get(self) -> dict[str, Any] | None:
        """The resource."""
        return self.kubernetes.get(API_VERSION, KIND, self.name, self.namespace)

    def conditions(self) -> dict[str, dict[str, Any]]:
        """Its conditions by type."""
        found = self.get() or {}
        return {item["type"]: item for item in (found.get("status") or {}).get("conditions", [])}

    def wait_until_ready(self, timeout: float) -> None:
        """Wait for condition Ready, and for the Route to answer."""

        def ready() -> bool:
            return self.conditions().get("Ready", {}).get("status") == "True"

        wait_for(ready, timeout, f"{self.name} is not ready: {self.conditions()}")
        wait_for(self.answers, 60, f"{self.url} does not answer")

    def answers(self) -> bool:
        """Whether the API answers through the Route."""
        try:
            return self.request("GET", "/apis/v2beta1/runs").status_code == 200
        except requests.RequestException:
            return False

    def delete(self, timeout: float) -> None:
        """Delete it, and wait until it is gone."""
        self.kubernetes.delete(API_VERSION, KIND, self.name, self.namespace)
        wait_for(lambda: self.get() is None, timeout, f"{self.name} is still there")

    # -- from outside --------------------------------------------------------------------------

    @property
    def ca_certificate(self) -> Path:
        """The lab's authority."""
        return Path(os.environ.get("LAB_CA_CERTIFICATE", ROOT / ".lab" / "ca.crt"))

    @cached_property
    def url(self) -> str:
        """Through the Route."""
        return f"https://{self._host(f'ds-pipeline-{self.name}')}"

    @cached_property
    def store_url(self) -> str:
        """The object store through its Route."""
        return f"https://{self._host(f'minio-{self.name}')}"

    def _host(self, route: str) -> str:
        def host() -> str:
            found = self.kubernetes.get("route.openshift.io/v1", "Route", route, self.namespace)
            ingress = ((found or {}).get("status") or {}).get("ingress") or []
            return str(ingress[0]["host"]) if ingress else ""

        return str(wait_for(host, 60, f"Route {route} has no host"))

    @cached_property
    def token(self) -> str:
        """Of a service account that may use the server, and what is in the project, as learners."""
        name = "pipelines-test-edit"
        edit = cluster_accounts.binding(name, self.namespace, role="edit", to="pipelines-test")
        with suppress(ConflictError):
            self.kubernetes.create(edit)
        return self.make_token("pipelines-test", f"ds-pipeline-user-access-{self.name}")

    def make_token(self, account: str, role: str | None) -> str:
        """A token of a service account with a Role, or with none."""
        manifests = [cluster_accounts.account(account, self.namespace)]
        if role:
            manifests.append(
                cluster_accounts.binding(account, self.namespace, role=role, kind="Role")
            )
        for item in manifests:
            try:
                self.kubernetes.create(item)
            except ConflictError:
                continue
        return cluster_accounts.token_of(self.kubernetes, self.namespace, account, 7200)

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """A plain HTTP request through the Route, with the token."""
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return requests.request(
            method,
            self.url + path,
            headers=headers,
            verify=str(self.ca_certificate),
            timeout=60,
            **options,
        )

    def tasks(self, run_id: str) -> list[dict[str, Any]]:
        """A run's tasks with all that the server knows of them, for which upstream has no room."""
        reply = self.request("GET", f"/apis/v2beta1/runs/{run_id}/tasks")
        reply.raise_for_status()
        tasks: list[dict[str, Any]] = reply.json()["tasks"]
        return tasks

    # -- inside --------------------------------------------------------------------------------

    def secret(self, name: str) -> dict[str, str]:
        """A Secret's values."""
        found = self.kubernetes.get("v1", "Secret", name, self.namespace)
        assert found is not None, f"there is no Secret {name}"
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}

    def pods(self, selector: str) -> list[dict[str, Any]]:
        """Pods by label."""
        return self.kubernetes.list_objects("v1", "Pod", self.namespace, label_selector=selector)

    def run_pods(self, run_id: str) -> list[dict[str, Any]]:
        """The pods of a run's steps."""
        return self.pods(f"pipelines.kubeflow.org/run-id={run_id}")

    def kill(self, selector: str) -> None:
        """Kill pods at once, as a node that dies would, and wait until they are gone."""
        killed = self.pods(selector)
        for pod in killed:
            self.kubernetes.request(
                "DELETE",
                self.kubernetes.path("v1", "Pod", self.namespace, pod["metadata"]["name"]),
                body={"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0},
            )
        names = {pod["metadata"]["name"] for pod in killed}

        def gone() -> bool:
            return not names & {pod["metadata"]["name"] for pod in self.pods(selector)}

        wait_for(gone, 30, f"{names} are still there")

    def set_replicas(self, deployment: str, replicas: int) -> None:
        """Ask for this many replicas of a Deployment."""
        self.kubernetes.patch(
            "apps/v1", "Deployment", deployment, {"spec": {"replicas": replicas}}, self.namespace
        )

    def scale(self, deployment: str, replicas: int, timeout: float = 60) -> None:
        """Give a Deployment this many replicas, and wait until it has them."""
        self.set_replicas(deployment, replicas)

        def scaled() -> bool:
            found = self.kubernetes.get("apps/v1", "Deployment", deployment, self.namespace)
            status = (found or {}).get("status") or {}
            return int(status.get("availableReplicas") or 0) == replicas and (
                int(status.get("replicas") or 0) == replicas
            )

        wait_for(scaled, timeout, f"{deployment} has not {replicas} replicas")

    def revision(self, deployment: str) -> str:
        """The revision of a Deployment whose pods are all of it; empty while they are replaced."""
        found = self.kubernetes.get("apps/v1", "Deployment", deployment, self.namespace) or {}
        metadata, status = found.get("metadata") or {}, found.get("status") or {}
        whole = status.get("observedGeneration") == metadata.get("generation") and status.get(
            "updatedReplicas"
        ) == status.get("replicas") == status.get("availableReplicas")
        annotations = metadata.get("annotations") or {}
        return str(annotations.get("deployment.kubernetes.io/revision", "")) if whole else ""

    @contextmanager
    def without(self, deployment: str) -> Iterator[None]:
        """Time during which a Deployment has no pod, though its controller brings it back."""
        over = threading.Event()

        def hold() -> None:
            while not over.wait(0.5):
                self.set_replicas(deployment, 0)

        holder = threading.Thread(target=hold, daemon=True)
        holder.start()
        try:
            self.scale(deployment, 0)
            yield
        finally:
            over.set()
            holder.join(timeout=10)
            self.scale(deployment, 1, 120)
