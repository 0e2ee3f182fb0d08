"""Whole passes over a project, on a cluster in memory: one object's fault stays its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from memory_cluster import MemoryCluster

from controllers.model_serving.reconcile import Controller
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.errors import ApiError

from . import manifests


class RefusingCluster(MemoryCluster):
    """Refuses Deployments of one name, as the API server would a CPU limit of `much`."""

    refused = ""
    status = 400

    def apply(self, manifest, owner=None, field_manager="lab-platform"):
        if self.refused and self.refused == manifest["metadata"]["name"]:
            raise ApiError(self.status, "BadRequest", "quantities must match the expression")
        return super().apply(manifest, owner, field_manager)


@pytest.fixture
def cluster() -> Iterator[RefusingCluster]:
    memory = RefusingCluster()
    memory.add(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "mnist", "labels": {"modelmesh-enabled": "true"}},
        }
    )
    memory.add(manifests.connection())
    kubernetes.set_client(memory)
    yield memory
    kubernetes.set_client(None)


def limited(name: str, memory: str, *, multi_model: bool = True) -> dict[str, Any]:
    limits = {"memory": memory}
    container = {"name": "mlserver", "image": "i", "resources": {"limits": limits}}
    return manifests.runtime(name, spec={"multiModel": multi_model, "containers": [container]})


def failure(cluster: MemoryCluster, name: str) -> dict[str, Any]:
    service = cluster.objects["InferenceService", "mnist", name]
    return dict(service["status"]["modelStatus"].get("lastFailureInfo") or {})


def has_deployment(cluster: MemoryCluster, name: str) -> bool:
    return ("Deployment", "mnist", name) in cluster.objects


@pytest.mark.parametrize("memory", ["1e9", "1Pi", "500000000m"])
def test_every_quantity_is_served(cluster: RefusingCluster, memory: str) -> None:
    cluster.add(limited("model-server", memory))
    cluster.add(manifests.service())
    Controller().reconcile("", "mnist")
    assert has_deployment(cluster, "modelmesh-serving-model-server")
    assert failure(cluster, "mnist") == {}


def test_a_quantity_that_is_none_is_told_on_its_own_models(cluster: RefusingCluster) -> None:
    cluster.add(limited("a-bad", "lots"))
    cluster.add(limited("b-good", "1Gi"))
    cluster.add(manifests.service("unlucky", model={"runtime": "a-bad"}))
    cluster.add(manifests.service("lucky", model={"runtime": "b-good"}))
    cluster.add(limited("c-raw", "lots", multi_model=False))
    cluster.add(manifests.service("alone", model={"runtime": "c-raw"}, mode="RawDeployment"))
    Controller().reconcile("", "mnist")
    assert not has_deployment(cluster, "modelmesh-serving-a-bad")
    assert has_deployment(cluster, "modelmesh-serving-b-good")
    told = "ServingRuntime 'a-bad': 'lots' is no quantity of memory"
    assert failure(cluster, "unlucky")["message"] == told
    assert failure(cluster, "unlucky")["reason"] == "RuntimeUnhealthy"
    assert "ServingRuntime 'c-raw'" in failure(cluster, "alone")["message"]
    assert failure(cluster, "lucky") == {}


def test_a_refused_deployment_is_told_on_its_own_models(cluster: RefusingCluster) -> None:
    cluster.add(limited("a-bad", "1Gi"))
    cluster.add(limited("b-good", "1Gi"))
    cluster.add(manifests.service("unlucky", model={"runtime": "a-bad"}))
    cluster.add(manifests.service("lucky", model={"runtime": "b-good"}))
    cluster.refused = "modelmesh-serving-a-bad"
    Controller().reconcile("", "mnist")
    assert "quantities must match the expression" in failure(cluster, "unlucky")["message"]
    assert has_deployment(cluster, "modelmesh-serving-b-good")


def test_an_api_server_that_is_away_ends_the_pass(cluster: RefusingCluster) -> None:
    cluster.add(limited("model-server", "1Gi"))
    cluster.refused, cluster.status = "modelmesh-serving-model-server", 503
    with pytest.raises(ApiError):
        Controller().reconcile("", "mnist")
