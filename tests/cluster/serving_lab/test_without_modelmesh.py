"""The lab's last steps with lab_serving_mode=raw, in a namespace beside the lab's own."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import urllib3
from launcher import run_playbook
from serving_project import Project

from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.lab
DIGITS = 5


@pytest.fixture(scope="module")
def seat(client: KubernetesClient, bucket: Callable[[str], bytes]) -> Iterator[Project]:
    """A seat without ModelMesh, with the lab's trained model and some of its test digits."""
    made = Project(client, f"mnist-raw-{secrets.token_hex(3)}")
    made.create(model_mesh=False)
    try:
        made.create_store()
        made.connect()
        for key in ("onnx/model-v2.onnx", "onnx/model-v2.json"):
            made.put(key, bucket(key))
        made.put("onnx/1/model.onnx", bucket("onnx/model-v2.onnx"))
        made.put("data/test.csv", b"\n".join(bucket("data/test.csv").splitlines()[:200]))
        yield made
    finally:
        made.remove()


def run(seat: Project, playbook: str) -> tuple[int, int, str]:
    """Run a playbook for that seat; exit status, changed tasks, output."""
    variables = {
        "lab_seats": [seat.namespace],
        "lab_serving_mode": "raw",
        "lab_serving_store_url": seat.store_url(),
        "lab_inference_store_url": seat.store_url(),
        "lab_inference_verify_digits": DIGITS,
    }
    # The lab's own access file stays as it is.
    return run_playbook(playbook, variables, "--skip-tags", "access")


def predictions(seat: Project) -> float:
    """How many requests the seat's model server has answered."""
    (pod,) = seat.client.list_objects(
        "v1", "Pod", seat.namespace, label_selector="serving.kserve.io/inferenceservice=mnist"
    )
    url = f"http://{pod['status']['podIP']}:2112/metrics"
    text = urllib3.PoolManager(retries=False).request("GET", url, timeout=10).data.decode()
    counted = re.search(r'model_infer_request_success_total\{model="mnist"[^}]*\} (\S+)', text)
    return float(counted[1]) if counted else 0.0


def test_the_model_is_served_by_itself(seat: Project) -> None:
    status, changed, output = run(seat, "serve-model")
    assert (status, changed) == (0, 1), output[-3000:]
    client, namespace = seat.client, seat.namespace
    seat.wait_until_ready("mnist", 5)
    model: Any = client.get("serving.kserve.io/v1beta1", "InferenceService", "mnist", namespace)
    mode = model["metadata"]["annotations"]["serving.kserve.io/deploymentMode"]
    assert mode == "RawDeployment"
    assert client.get("apps/v1", "Deployment", "mnist-predictor", namespace)
    assert client.get("v1", "Service", "modelmesh-serving", namespace) is None
    status, changed, output = run(seat, "serve-model")
    assert (status, changed) == (0, 0), output[-3000:]


def test_the_page_reads_digits_by_it(seat: Project) -> None:
    before = predictions(seat)
    status, _, output = run(seat, "deploy-inference")
    # The role sends real test digits through the page, and fails unless each is recognised.
    assert status == 0, output[-3000:]
    assert predictions(seat) - before >= DIGITS
    function: Any = seat.client.get(
        "serving.knative.dev/v1", "Service", "mnist-function", seat.namespace
    )
    container = function["spec"]["template"]["spec"]["containers"][0]
    environment = {item["name"]: item.get("value") for item in container["env"]}
    # The function puts in its own namespace.
    assert environment["MODEL_URL"] == "https://mnist-predictor.{namespace}.svc:8443"
