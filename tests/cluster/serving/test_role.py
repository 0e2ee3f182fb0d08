"""The role that serves the model: told in check mode, done once, changed only where asked."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from launcher import run_playbook
from serving_endpoint import Endpoint
from serving_project import INFERENCE_SERVICE, SERVING_RUNTIME, Project

from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def seat(client: KubernetesClient, project: Project) -> Iterator[Project]:
    made = Project(client, f"serving-test-{secrets.token_hex(3)}")
    made.create()
    made.share_store(project)
    yield made
    made.remove()


def serve(seat: Project, *options: str, **variables: Any) -> tuple[int, int, str]:
    """Run the playbook; exit status, changed tasks, output."""
    variables["lab_seats"] = [seat.namespace]
    variables.setdefault("lab_serving_timeout", 90)
    # The seat's bucket is another project's, whose store has no Route.
    variables.setdefault("lab_serving_store_url", seat.store_url())
    return run_playbook("serve-model", variables, *options, timeout=300)


def test_check_mode_tells_and_touches_nothing(seat: Project) -> None:
    status, changed, output = serve(seat, "--check", "--diff")
    assert (status, changed) == (0, 1), output[-3000:]
    assert seat.client.get(*SERVING_RUNTIME, "model-server", seat.namespace) is None


def test_it_serves_the_model_with_a_token(seat: Project) -> None:
    status, changed, output = serve(seat)
    assert (status, changed) == (0, 1), output[-3000:]
    seat.wait_until_ready("mnist", 5)
    client, namespace = seat.client, seat.namespace
    runtime = client.get(*SERVING_RUNTIME, "model-server", namespace)
    assert runtime["metadata"]["annotations"]["enable-auth"] == "true"
    assert "enable-route" not in runtime["metadata"]["annotations"]
    assert client.get("v1", "ServiceAccount", "model-server-sa", namespace)
    token = client.get("v1", "Secret", "model-mesh", namespace)
    assert token["type"] == "kubernetes.io/service-account-token"
    assert {"token", "ca.crt"} <= set(token["data"])
    binding = client.get(
        "rbac.authorization.k8s.io/v1", "RoleBinding", "model-server-view", namespace
    )
    assert binding["roleRef"]["name"] == "model-server-view-role"


def test_again_it_changes_nothing(seat: Project) -> None:
    status, changed, output = serve(seat)
    assert (status, changed) == (0, 0), output[-3000:]


def test_a_second_training_changes_just_the_model_and_is_served(seat: Project) -> None:
    def answer() -> float:
        pod = seat.pods()[0]["status"]["podIP"]
        return float(Endpoint(pod, 8008).infer("mnist")[1]["outputs"][0]["data"][0])

    def checksum() -> str:
        model = seat.client.get(*INFERENCE_SERVICE, "mnist", seat.namespace)
        return str(model["spec"]["predictor"]["model"]["storage"]["parameters"]["sha256"])

    path = "onnx/trained-twice.onnx"
    sums = []
    for bias in (0.0, 3.0):
        seat.put_model(path, bias)
        status, changed, output = serve(seat, lab_serving_model_path=path)
        assert (status, changed) == (0, 1), output[-3000:]
        assert answer() == bias
        sums.append(checksum())
    assert sums[0] != sums[1]
    status, changed, output = serve(seat, lab_serving_model_path=path)
    assert (status, changed) == (0, 0), output[-3000:]


def test_another_path_changes_just_the_model(seat: Project) -> None:
    before = seat.client.get(*SERVING_RUNTIME, "model-server", seat.namespace)
    status, changed, output = serve(seat, lab_serving_model_path="onnx/model-v3.onnx")
    assert (status, changed) == (0, 1), output[-3000:]
    after = seat.client.get(*SERVING_RUNTIME, "model-server", seat.namespace)
    assert before["metadata"]["generation"] == after["metadata"]["generation"]
    model = seat.client.get(*INFERENCE_SERVICE, "mnist", seat.namespace)
    assert model["spec"]["predictor"]["model"]["storage"]["path"] == "onnx/model-v3.onnx"


def test_it_ends_with_the_cause_where_the_model_is_missing(seat: Project) -> None:
    status, _, output = serve(seat, lab_serving_model_path="onnx/absent.onnx")
    assert status != 0
    assert "no object at s3://rhods/onnx/absent.onnx" in output
