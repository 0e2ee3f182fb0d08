"""Fixtures: a client, a namespace of one test's own, an image that has a shell."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab_diagnosis import Finding, diagnose
from lab_diagnosis.collect import collect, connect
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.waiting import moments

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 60


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    """Path of the cluster's kubeconfig."""
    return str(Path(os.environ.get("KUBECONFIG") or ROOT / ".lab" / "kubeconfig").resolve())


@pytest.fixture(scope="session")
def client(kubeconfig: str) -> KubernetesClient:
    """A client of the cluster."""
    return connect(kubeconfig)


@pytest.fixture(scope="session")
def shell_image(client: KubernetesClient) -> str:
    """An image with a shell that is on the node already: kube-proxy's, unless one is named."""
    if named := os.environ.get("LAB_TEST_IMAGE"):
        return named
    found = client.list_objects("v1", "Pod", "kube-system", label_selector="k8s-app=kube-proxy")
    return str(found[0]["spec"]["containers"][0]["image"])


@pytest.fixture
def namespace(client: KubernetesClient) -> Iterator[str]:
    """A namespace, removed after the test."""
    name = f"diagnosis-{uuid.uuid4().hex[:6]}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    client.delete("v1", "Namespace", name)


@pytest.fixture
def apply(client: KubernetesClient, namespace: str) -> Callable[..., None]:
    """Makes an object in the test's namespace."""

    def make(api_version: str, kind: str, name: str, **parts: Any) -> None:
        metadata = {"name": name, **parts.pop("metadata", {})}
        body = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}
        client.create(body, namespace)

    return make


@pytest.fixture
def told(client: KubernetesClient, namespace: str) -> Callable[..., Finding]:
    """The finding about an object, as soon as it says what is expected; else the last one."""

    def ask(kind: str, name: str, expected: str) -> Finding:
        for left in moments(PATIENCE, 1):
            finding = diagnose(collect(client, kind, name, namespace), "Wait for it")
            if expected in finding.sentence or not left:
                break
        return finding

    return ask
