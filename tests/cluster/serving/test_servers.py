"""Model servers: several, with replicas, removed, restarted, without the namespace's label."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from serving_endpoint import Endpoint
from serving_project import SERVING_RUNTIME, Project

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def second(client: KubernetesClient, project: Project) -> Iterator[Project]:
    """Another project, whose models come from the first one's object store."""
    made = Project(client, f"serving-test-{secrets.token_hex(3)}")
    made.admin, made.user = project.admin, project.user
    made.create()
    endpoint = f"http://minio-ds-pipeline.{project.namespace}.svc.cluster.local:9000"
    made.connect(AWS_S3_ENDPOINT=endpoint)
    yield made
    made.remove()


def test_a_server_starts_without_a_model_and_goes(second: Project) -> None:
    second.serve("first")
    assert len(second.pods("first")) == 1
    second.client.delete(*SERVING_RUNTIME, "first", second.namespace)
    wait_for(lambda: not second.pods("first"), 60, "the first server's pods have gone")


def test_all_of_a_server_goes_with_it(second: Project) -> None:
    namespace, client = second.namespace, second.client
    second.serve("brief")
    second.deploy("passing", "onnx/model-v2.onnx", model={"runtime": "brief"})
    second.wait_until_ready("passing")
    rbac = "rbac.authorization.k8s.io/v1"
    second.undeploy("passing")
    client.delete(*SERVING_RUNTIME, "brief", namespace)
    for kind, api, name in (
        ("Service", "v1", "modelmesh-serving"),
        ("ServiceAccount", "v1", "modelmesh-serving-sa"),
        ("Deployment", "apps/v1", "modelmesh-serving-brief"),
        ("ConfigMap", "v1", "modelmesh-serving-brief-models"),
        ("Role", rbac, "modelmesh-serving-sa"),
    ):
        wait_for(
            lambda api=api, kind=kind, name=name: client.get(api, kind, name, namespace) is None,
            30,
            lambda kind=kind, name=name: f"{kind} {name} is left over",
        )


def test_every_replica_has_the_model_before_it_is_loaded(second: Project) -> None:
    second.serve("pair", replicas=2, annotations={})
    second.deploy("shared", "onnx/model-v2.onnx", model={"runtime": "pair"})
    status = second.wait_until_ready("shared")
    assert status["modelStatus"]["copies"] == {"totalCopies": 2, "failedCopies": 0}
    addresses = [pod["status"]["podIP"] for pod in second.pods("pair")]
    assert [Endpoint(ip, 8008).infer("shared")[0] for ip in addresses] == [200, 200]
    second.serve("pair", replicas=1, annotations={})
    second.undeploy("shared")
    second.client.delete(*SERVING_RUNTIME, "pair", second.namespace)


def test_two_servers_serve_their_own_models(second: Project) -> None:
    second.serve("left", annotations={})
    second.serve("right", annotations={})
    second.deploy("a", "onnx/model-v2.onnx", model={"runtime": "left"})
    second.deploy("b", "onnx/model-v3.onnx", model={"runtime": "right"})
    second.wait_until_ready("a")
    second.wait_until_ready("b")
    left = Endpoint(second.pods("left")[0]["status"]["podIP"], 8008)
    right = Endpoint(second.pods("right")[0]["status"]["podIP"], 8008)
    assert (left.infer("a")[0], left.infer("b")[0]) == (200, 404)
    assert (right.infer("a")[0], right.infer("b")[0]) == (404, 200)
    for name in ("a", "b"):
        second.undeploy(name)
    for name in ("left", "right"):
        second.client.delete(*SERVING_RUNTIME, name, second.namespace)


def test_a_killed_pod_comes_back_with_its_models(second: Project) -> None:
    second.serve("mortal", annotations={})
    second.deploy("survivor", "onnx/model-v2.onnx", model={"runtime": "mortal"})
    second.wait_until_ready("survivor")
    (pod,) = second.pods("mortal")
    second.client.delete("v1", "Pod", pod["metadata"]["name"], second.namespace)
    (successor,) = second.wait_for_pods("mortal", 1)
    assert successor["metadata"]["uid"] != pod["metadata"]["uid"]
    assert Endpoint(successor["status"]["podIP"], 8008).infer("survivor")[0] == 200
    second.wait_until_ready("survivor", 15)
    second.undeploy("survivor")
    second.client.delete(*SERVING_RUNTIME, "mortal", second.namespace)


def test_a_removed_deployment_is_made_again(second: Project) -> None:
    name = "modelmesh-serving-lost"
    second.serve("lost", annotations={})
    second.client.delete("apps/v1", "Deployment", name, second.namespace)
    second.wait_for_pods("lost", 1)
    second.client.delete(*SERVING_RUNTIME, "lost", second.namespace)


def test_a_server_that_cannot_run_is_the_models_failure(second: Project) -> None:
    broken = {"name": "mlserver", "image": "registry.invalid/absent:1", "resources": {}}
    second.serve("broken", wait=False, annotations={}, containers=[broken])
    second.deploy("stuck", "onnx/model-v2.onnx", model={"runtime": "broken"})

    def told() -> bool:
        failure = (second.status("stuck").get("modelStatus") or {}).get("lastFailureInfo") or {}
        return failure.get("reason") == "RuntimeUnhealthy" and "Image" in failure["message"]

    wait_for(told, 60, lambda: second.status("stuck"))
    second.undeploy("stuck")
    second.client.delete(*SERVING_RUNTIME, "broken", second.namespace)


def test_a_namespace_without_the_label_is_the_models_failure(client: KubernetesClient) -> None:
    bare = Project(client, f"serving-test-{secrets.token_hex(3)}")
    bare.create(model_mesh=False)
    try:
        bare.deploy("mnist", "onnx/model-v2.onnx")
        failure = bare.wait_until_failed("mnist")
        assert "lacks the label modelmesh-enabled=true" in failure["message"]
    finally:
        bare.remove()


def test_a_label_taken_away_and_given_back_brings_the_models_back(second: Project) -> None:
    """The servers go with the account whose token they hold, and come back with another one."""
    second.serve("labelled", annotations={})
    second.deploy("survivor", "onnx/model-v2.onnx", model={"runtime": "labelled"})
    second.wait_until_ready("survivor")
    namespace = ("v1", "Namespace", second.namespace)
    second.client.patch(*namespace, {"metadata": {"labels": {"modelmesh-enabled": None}}})
    assert "lacks the label" in second.wait_until_failed("survivor")["message"]
    wait_for(lambda: not second.pods("labelled"), 60, "the server's pods have gone")
    second.client.patch(*namespace, {"metadata": {"labels": {"modelmesh-enabled": "true"}}})
    (pod,) = second.wait_for_pods("labelled", 1)
    second.wait_until_ready("survivor")
    assert Endpoint(pod["status"]["podIP"], 8008).infer("survivor")[0] == 200
    second.undeploy("survivor")
    second.client.delete(*SERVING_RUNTIME, "labelled", second.namespace)


def test_a_namespace_with_models_can_be_removed(client: KubernetesClient, project: Project) -> None:
    doomed = Project(client, f"serving-test-{secrets.token_hex(3)}")
    doomed.create()
    doomed.serve("any", wait=False)
    doomed.deploy("mnist", "onnx/model-v2.onnx", model={"runtime": "any"})
    wait_for(lambda: doomed.status("mnist"), 20, "the model has a status")
    doomed.remove()
    assert client.get("v1", "Namespace", doomed.namespace) is None
