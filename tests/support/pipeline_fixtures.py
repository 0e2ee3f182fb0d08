"""Fixtures of every suite that plays against a pipeline server: namespace, server, SDK's client."""

from __future__ import annotations

import os
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The client reads it when it is imported.
os.environ.setdefault("KUBECONFIG", str(ROOT / ".lab" / "kubeconfig"))
warnings.simplefilter("ignore", FutureWarning)

import kfp  # noqa: E402
from pipeline_project import PipelineServer, manifest  # noqa: E402

from lab_ground.kubernetes.client import KubernetesClient  # noqa: E402

PROJECT_LABELS = {
    "opendatahub.io/dashboard": "true",
    "pod-security.kubernetes.io/enforce": "restricted",
}


@pytest.fixture(scope="session")
def kubernetes() -> KubernetesClient:
    return KubernetesClient()


@pytest.fixture(scope="session")
def namespace(kubernetes: KubernetesClient) -> Iterator[str]:
    given = os.environ.get("LAB_TEST_PIPELINES_NAMESPACE")
    if given:
        yield given
        return
    name = f"test-pipelines-{uuid.uuid4().hex[:6]}"
    kubernetes.create(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": PROJECT_LABELS},
        }
    )
    yield name
    kubernetes.delete("v1", "Namespace", name)


@pytest.fixture(scope="session")
def server(kubernetes: KubernetesClient, namespace: str) -> Iterator[PipelineServer]:
    """A pipeline server that is ready; removed before its namespace, with its finalizer."""
    server = PipelineServer(kubernetes, namespace)
    made = server.get() is None
    if made:
        kubernetes.create(manifest(namespace))
    server.wait_until_ready(240)
    yield server
    if made:
        server.delete(120)


@pytest.fixture(scope="session")
def client(server: PipelineServer) -> kfp.Client:
    """The SDK's client, from outside: Route, TLS, token."""
    return kfp.Client(
        host=server.url, existing_token=server.token, ssl_ca_cert=str(server.ca_certificate)
    )
