"""KServe's RawDeployment mode: a server for one model."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from serving_endpoint import Endpoint
from serving_project import Project, condition, is_ready

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster
RAW = {
    "serving.kserve.io/deploymentMode": "RawDeployment",
    "security.opendatahub.io/enable-auth": "true",
}


@pytest.fixture(scope="module")
def raw(client: KubernetesClient, project: Project) -> Iterator[Project]:
    """A project without ModelMesh, whose models come from the other one's object store."""
    made = Project(client, f"serving-test-{secrets.token_hex(3)}")
    made.create(model_mesh=False)
    made.share_store(project)
    made.serve("single", wait=False, multiModel=False, annotations={})
    yield made
    made.remove()


@pytest.fixture(scope="module")
def served(raw: Project) -> Iterator[Project]:
    raw.deploy(
        "mnist",
        "second",
        model={"runtime": "single"},
        annotations=RAW,
        labels={"networking.kserve.io/visibility": "exposed"},
    )
    raw.wait_until_ready("mnist", 90)
    yield raw
    raw.undeploy("mnist")


def predictor_pods(project: Project) -> list[dict[str, Any]]:
    found = project.client.list_objects(
        "v1", "Pod", project.namespace, label_selector="serving.kserve.io/inferenceservice=mnist"
    )
    return [pod for pod in found if is_ready(pod)]


def endpoint(project: Project) -> Endpoint:
    return Endpoint(
        predictor_pods(project)[0]["status"]["podIP"],
        8443,
        host=f"mnist-predictor.{project.namespace}.svc",
        authority=project.authority(),
    )


def caller(project: Project) -> str:
    """A token that may get this one InferenceService, as the dashboard arranges it."""
    token = project.caller("model-mesh", role=None)
    metadata = {"name": "mnist-view", "namespace": project.namespace}
    rbac = "rbac.authorization.k8s.io/v1"
    project.client.apply(
        {
            "apiVersion": rbac,
            "kind": "Role",
            "metadata": metadata,
            "rules": [
                {
                    "apiGroups": ["serving.kserve.io"],
                    "resources": ["inferenceservices"],
                    "resourceNames": ["mnist"],
                    "verbs": ["get"],
                }
            ],
        }
    )
    project.client.apply(
        {
            "apiVersion": rbac,
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": rbac.split("/")[0], "kind": "Role", "name": "mnist-view"},
            "subjects": [
                {"kind": "ServiceAccount", "name": "model-mesh", "namespace": project.namespace}
            ],
        }
    )
    return token


def test_the_status_and_the_objects(served: Project) -> None:
    status = served.status("mnist")
    host = f"mnist-predictor.{served.namespace}.svc.cluster.local"
    assert status["url"] == f"https://{host}:8443"
    assert condition(status, "PredictorReady") == "True"
    assert status["modelStatus"]["transitionStatus"] == "UpToDate"
    client, namespace = served.client, served.namespace
    assert client.get("apps/v1", "Deployment", "mnist-predictor", namespace)
    assert client.get("v1", "Service", "mnist-predictor", namespace)
    route = client.get("route.openshift.io/v1", "Route", "mnist", namespace)
    assert route["spec"]["tls"]["termination"] == "reencrypt"


def test_who_may_call(served: Project) -> None:
    proxy, token = endpoint(served), caller(served)
    stranger = served.caller("stranger", role=None)
    assert proxy.infer("mnist")[0] == 401
    assert proxy.infer("mnist", token="garbage")[0] == 401
    assert proxy.infer("mnist", token=stranger)[0] == 403
    status, answer = proxy.infer("mnist", token=token)
    assert (status, answer["model_name"]) == (200, "mnist")


def test_through_the_route(served: Project, authority: str) -> None:
    route = served.client.get("route.openshift.io/v1", "Route", "mnist", served.namespace)
    host = route["status"]["ingress"][0]["host"]
    outside = Endpoint("127.0.0.1", 443, host=host, authority=authority)
    token = caller(served)
    wait_for(lambda: outside.infer("mnist", token=token)[0] == 200, 15, "the token opens the model")
    assert outside.infer("mnist")[0] == 401


def test_another_path_is_rolled_out(served: Project) -> None:
    token = caller(served)

    def answers(value: float) -> Callable[[], bool]:
        return lambda: (
            endpoint(served).infer("mnist", token=token)[1]["outputs"][0]["data"] == [value] * 10
        )

    assert answers(0.0)()
    served.deploy(
        "mnist", "third", model={"runtime": "single"}, annotations=RAW,
        labels={"networking.kserve.io/visibility": "exposed"},
    )  # fmt: skip
    served.wait_until_ready("mnist", 90)
    wait_for(lambda: len(predictor_pods(served)) == 1, 60, "one pod serves the model")
    assert answers(3.0)()


def test_a_missing_object_is_named(raw: Project) -> None:
    raw.deploy("absent", "onnx/absent.onnx", model={"runtime": "single"}, annotations=RAW)
    failure = raw.wait_until_failed("absent", 90)
    assert "no object at s3://rhods/onnx/absent.onnx" in failure["message"]
    raw.undeploy("absent")


def test_a_file_is_no_version(raw: Project) -> None:
    """OVMS' readAvailableVersions in src/modelmanager.cpp."""
    raw.deploy("file", "onnx/model-v2.onnx", model={"runtime": "single"}, annotations=RAW)
    failure = raw.wait_until_failed("file", 90)
    assert "s3://rhods/onnx/model-v2.onnx is a file" in failure["message"]
    raw.undeploy("file")


def test_a_model_can_move_to_a_shared_server(client: KubernetesClient, project: Project) -> None:
    project.serve("alone", wait=False, multiModel=False, annotations={})
    project.deploy("moving", "second", model={"runtime": "alone"}, annotations=RAW)
    project.wait_until_ready("moving", 90)
    project.deploy("moving", "onnx/model-v2.onnx")
    project.wait_until_ready("moving")
    wait_for(
        lambda: client.get("apps/v1", "Deployment", "moving-predictor", project.namespace) is None,
        30,
        "the server of its own has gone",
    )
    assert Endpoint(project.pods()[0]["status"]["podIP"], 8008).infer("moving")[0] == 200
    project.undeploy("moving")
    client.delete("serving.kserve.io/v1alpha1", "ServingRuntime", "alone", project.namespace)
