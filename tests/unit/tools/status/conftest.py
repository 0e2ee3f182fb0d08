"""A lab as the cluster's API would list it, whole or at an earlier step."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lab_status.sections import Snapshot

DOMAIN = "apps.lab.test"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def manifest(kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    """An object."""
    metadata: dict[str, Any] = {"name": name, **more.pop("metadata", {})}
    if namespace:
        metadata["namespace"] = namespace
    return {"kind": kind, "metadata": metadata, **more}


def deployment(name: str, namespace: str, ready: int = 1, wanted: int = 1, **labels: str) -> Any:
    """A Deployment with so many pods."""
    return manifest(
        "Deployment", name, namespace, metadata={"labels": labels},
        spec={"replicas": wanted}, status={"readyReplicas": ready, "updatedReplicas": wanted},
    )  # fmt: skip


def route(name: str, namespace: str, admitted: str = "True", message: str = "") -> Any:
    """A Route that a router has taken up, or refused."""
    host = f"{name}-{namespace}.{DOMAIN}"
    condition = {"type": "Admitted", "status": admitted, "message": message}
    ingress = {"host": host, "conditions": [condition]}
    return manifest("Route", name, namespace, spec={"host": host}, status={"ingress": [ingress]})


def access(namespace: str = "mnist") -> dict[str, Any]:
    """An access file, as the lab writes it."""
    return {
        "namespace": namespace,
        "webapp": {"url": f"https://mnist-webapp-{namespace}.{DOMAIN}"},
        "workbench": {
            "url": f"https://notebook-{namespace}.{DOMAIN}/notebook/{namespace}/notebook/"
        },
        "pipelines": {
            "url": f"https://ds-pipeline-dspa-{namespace}.{DOMAIN}",
            "cluster_url": f"http://ds-pipeline-dspa.{namespace}.svc.cluster.local:8888",
            "token_secret": f"{namespace}/pipelines-client",
        },
        "s3": {
            "url": f"https://minio-dspa-{namespace}.{DOMAIN}",
            "cluster_url": f"http://minio-dspa.{namespace}.svc.cluster.local:9000",
            "secret": f"{namespace}/keys",
        },
        "inference": {
            "url": f"https://mnist-inference-{namespace}.{DOMAIN}",
            "token_secret": f"{namespace}/model-mesh",
            "model": "mnist",
        },
    }


def platform() -> list[Any]:
    """The node and what runs on every lab."""
    names = ("lab-activator", "lab-login", "lab-operators", "model-repository")
    return [
        manifest("Node", "lab", status=READY),
        manifest("Namespace", "lab-platform"),
        deployment("coredns", "kube-system"),
        manifest(
            "DaemonSet",
            "kube-network-policy",
            "kube-system",
            spec={"template": {"spec": {}}},
            status={"numberReady": 1, "updatedNumberScheduled": 1, "desiredNumberScheduled": 1},
        ),
        *(deployment(name, "lab-platform") for name in names),
        manifest("Namespace", "lab-router"),
        deployment("lab-router", "lab-router"),
    ]


def seat_items(namespace: str = "mnist") -> tuple[list[Any], list[Any]]:
    """A whole seat: what Kubernetes lists, and the lab's own kinds."""
    labels = {"app.kubernetes.io/part-of": "mnist-lab"}
    items = [
        manifest("Namespace", namespace, metadata={"labels": labels}, status={"phase": "Active"}),
        deployment("ds-pipeline-dspa", namespace),
        deployment("minio-dspa", namespace),
        deployment("mnist-webapp", namespace),
        deployment(
            "mnist-function-deployment", namespace, 0, 0,
            **{"serving.knative.dev/service": "mnist-function"},
        ),
    ]  # fmt: skip
    workbench = {
        "metadata": {"annotations": {"notebooks.opendatahub.io/inject-oauth": "true"}},
        "spec": {"template": {"spec": {"serviceAccountName": "learner"}}},
    }
    resources = [
        manifest("DataSciencePipelinesApplication", "dspa", namespace, status=READY),
        manifest("Notebook", "notebook", namespace, status={"readyReplicas": 1}, **workbench),
        manifest("InferenceService", "mnist", namespace, status=READY),
        manifest("Service", "mnist-function", namespace, status=READY),
        *(
            route(name, namespace)
            for name in (
                "mnist-webapp", "notebook", "ds-pipeline-dspa", "minio-dspa", "mnist-inference",
            )
        ),
    ]  # fmt: skip
    return items, copy.deepcopy(resources)


def without(found: Snapshot, *names: str) -> Snapshot:
    """The same lab without the objects of these names (``Kind/name``)."""

    def kept(listed: list[Any]) -> list[Any]:
        return [i for i in listed if f"{i['kind']}/{i['metadata']['name']}" not in names]

    return Snapshot(machine=[], items=kept(found.items), resources=kept(found.resources))


@pytest.fixture
def whole() -> Snapshot:
    """A lab on which everything is up."""
    items, resources = seat_items()
    return Snapshot(machine=[], items=platform() + items, resources=resources)


@pytest.fixture
def cleanly_reset(whole: Snapshot) -> Snapshot:
    """The same after `./lab reset`: a project, its pipeline server, its data."""
    return without(
        whole, "Deployment/mnist-webapp", "Deployment/mnist-function-deployment",
        "Service/mnist-function", "InferenceService/mnist", "Notebook/notebook",
        "Route/mnist-webapp", "Route/mnist-inference", "Route/notebook",
    )  # fmt: skip
