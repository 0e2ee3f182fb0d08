"""Fixtures: a project with an object store and one model server, and ways to call it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from serving_endpoint import Endpoint
from serving_project import Project

from lab_ground.kubernetes.client import KubernetesClient, get_client


@pytest.fixture(scope="session")
def client() -> KubernetesClient:
    return get_client()


@pytest.fixture(scope="session")
def project(client: KubernetesClient) -> Iterator[Project]:
    made = Project(client, f"serving-test-{secrets.token_hex(3)}")
    made.create()
    made.create_store()
    made.connect()
    made.put_model("onnx/model-v2.onnx")
    made.put_model("onnx/model-v3.onnx", bias=3.0)
    # As servers of one model want it: numbered folders.
    made.put_model("second/1/model.onnx")
    made.put_model("third/1/model.onnx", bias=3.0)
    made.serve()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def mnist(project: Project) -> Iterator[str]:
    project.deploy("mnist", "onnx/model-v2.onnx")
    project.wait_until_ready("mnist")
    yield "mnist"
    project.undeploy("mnist")


@pytest.fixture(scope="session")
def token(project: Project) -> str:
    return project.caller("model-mesh")


@pytest.fixture(scope="session")
def authority(project: Project) -> str:
    return project.authority()


@pytest.fixture
def proxy(project: Project, authority: str) -> Endpoint:
    """Port 8443 of the model server's pod."""
    return Endpoint(
        project.pods()[0]["status"]["podIP"],
        8443,
        host=f"modelmesh-serving.{project.namespace}.svc",
        authority=authority,
    )


@pytest.fixture
def plain(project: Project) -> Endpoint:
    """Port 8008 of the model server's pod."""
    return Endpoint(project.pods()[0]["status"]["podIP"], 8008)


@pytest.fixture
def route(project: Project, client: KubernetesClient, authority: str) -> Callable[[str], Endpoint]:
    """The Route of a model, through the router on this machine."""

    def endpoint(model: str) -> Endpoint:
        found: Any = client.get("route.openshift.io/v1", "Route", model, project.namespace)
        assert found, f"there is no Route {model}"
        host = found["status"]["ingress"][0]["host"]
        return Endpoint("127.0.0.1", 443, host=host, authority=authority)

    return endpoint
