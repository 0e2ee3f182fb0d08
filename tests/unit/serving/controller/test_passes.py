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


def events(cluster: MemoryCluster, about: str) -> list[str]:
    return [
        event["message"]
        for (kind, _, _), event in cluster.objects.items()
        if kind == "Event" and event["involvedObject"]["name"] == about
    ]


@pytest.mark.parametrize(
    ("name", "runtime", "mode", "exposed", "told"),
    [
        ("m" * 54, "alone", "RawDeployment", False, "may have 53"),
        ("m" * 60, "alone", "RawDeployment", True, "may have 53"),
        ("mnist", "r" * 46, "ModelMesh", False, "may have 45"),
    ],
)
def test_names_are_looked_at_before_anything_is_made(
    cluster: RefusingCluster, name: str, runtime: str, mode: str, exposed: bool, told: str
) -> None:
    cluster.add(limited(runtime, "1Gi", multi_model=mode == "ModelMesh"))
    labels = {"networking.kserve.io/visibility": "exposed"} if exposed else {}
    service = manifests.service(name, model={"runtime": runtime}, mode=mode)
    service["metadata"]["labels"] = labels
    cluster.add(service)
    Controller().reconcile("", "mnist")
    assert told in failure(cluster, name)["message"]
    assert any(told in message for message in events(cluster, name))
    # What all models of the project share, and nothing of this one's.
    assert not any(
        kind in ("Deployment", "Service", "Route") and name in made
        for kind, _, made in cluster.objects
    )


def test_what_a_quota_refuses_is_told_and_tried_again(cluster: RefusingCluster) -> None:
    cluster.add(limited("a-bad", "1Gi"))
    cluster.add(limited("b-good", "1Gi"))
    cluster.add(manifests.service("unlucky", model={"runtime": "a-bad"}))
    cluster.add(manifests.service("lucky", model={"runtime": "b-good"}))
    cluster.refused, cluster.status = "modelmesh-serving-a-bad", 403
    delay = Controller().reconcile("", "mnist")
    assert "quantities must match" in failure(cluster, "unlucky")["message"]
    assert any("quantities must match" in message for message in events(cluster, "unlucky"))
    assert has_deployment(cluster, "modelmesh-serving-b-good")
    assert delay is not None
    assert delay <= 10


def test_pods_that_a_quota_refuses_are_told(cluster: RefusingCluster) -> None:
    cluster.add(limited("model-server", "1Gi"))
    cluster.add(manifests.service())
    controller = Controller()
    controller.reconcile("", "mnist")
    said = 'pods "x" is forbidden: exceeded quota: lab-seat'
    cluster.objects["Deployment", "mnist", "modelmesh-serving-model-server"]["status"] = {
        "conditions": [{"type": "ReplicaFailure", "status": "True", "message": said}]
    }
    controller.reconcile("", "mnist")
    assert said in failure(cluster, "mnist")["message"]


def test_an_event_is_not_written_twice_a_minute(cluster: RefusingCluster) -> None:
    cluster.add(manifests.service("unlucky", model={"runtime": "none"}))
    controller = Controller()
    controller.reconcile("", "mnist")
    before = len(cluster.writes)
    controller.reconcile("", "mnist")
    assert len(events(cluster, "unlucky")) == 1
    assert cluster.writes[before:] == []
