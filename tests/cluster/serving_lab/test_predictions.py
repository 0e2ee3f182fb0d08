"""The lab's own model, over the wire: every test image answered as ONNX Runtime answers it."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import onnxruntime
import pandas
import pytest
import requests
from botocore.config import Config

from lab_platform.kubernetes.client import KubernetesClient, get_client

pytestmark = pytest.mark.lab
ACCESS = Path(__file__).resolve().parents[3] / ".lab" / "access.json"
BATCH = 250


@pytest.fixture(scope="module")
def access() -> dict[str, Any]:
    return dict(json.loads(ACCESS.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def client() -> KubernetesClient:
    return get_client()


def secret(client: KubernetesClient, name: str) -> dict[str, str]:
    """A Secret's decoded values; `name` is namespace/name."""
    namespace, _, own = name.partition("/")
    found = client.get("v1", "Secret", own, namespace)
    assert found, f"there is no Secret {name}"
    return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


@pytest.fixture(scope="module")
def bucket(access: dict[str, Any], client: KubernetesClient) -> Any:
    values = secret(client, access["s3"]["secret"])
    store = boto3.client(
        "s3",
        endpoint_url=access["s3"]["url"],
        verify=access["ca_certificate"] or True,
        aws_access_key_id=values["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=values["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    return lambda key: store.get_object(Bucket=values["AWS_S3_BUCKET"], Key=key)["Body"].read()


@pytest.fixture(scope="module")
def digits(bucket: Any) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 test images as the model takes them, and their labels."""
    table = pandas.read_csv(io.BytesIO(bucket("data/test.csv")), dtype=np.uint8)
    labels = table.pop("label").to_numpy()
    assert len(labels) == 10_000
    return table.to_numpy().reshape(-1, 28, 28, 1).astype(np.float32) / 255, labels


@pytest.fixture(scope="module")
def answers(
    access: dict[str, Any], client: KubernetesClient, digits: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """What the served model says of each of them, through the token proxy."""
    session = requests.Session()
    session.trust_env = False
    session.verify = access["ca_certificate"] or True
    token = secret(client, access["inference"]["token_secret"])["token"]
    session.headers["Authorization"] = f"Bearer {token}"
    url = f"{access['inference']['url']}/v2/models/{access['inference']['model']}/infer"
    found = []
    for start in range(0, len(digits[0]), BATCH):
        batch = digits[0][start : start + BATCH]
        tensor = {
            "name": "input_1",
            "shape": list(batch.shape),
            "datatype": "FP32",
            "data": batch.ravel().tolist(),
        }
        answer = session.post(url, json={"inputs": [tensor]}, timeout=60)
        assert answer.status_code == 200, answer.text[:300]
        found.append(np.array(answer.json()["outputs"][0]["data"]).reshape(-1, 10))
    return np.concatenate(found)


def test_predictions_equal_onnx_runtimes(
    bucket: Any, digits: tuple[np.ndarray, np.ndarray], answers: np.ndarray
) -> None:
    session = onnxruntime.InferenceSession(bucket("onnx/model-v2.onnx"))
    expected = np.concatenate(
        [
            session.run(None, {"input_1": digits[0][start : start + BATCH]})[0]
            for start in range(0, len(digits[0]), BATCH)
        ]
    )
    assert np.abs(answers - expected).max() <= 1e-5


def test_accuracy_is_the_one_that_the_pipeline_reported(
    bucket: Any, digits: tuple[np.ndarray, np.ndarray], answers: np.ndarray
) -> None:
    reported = json.loads(bucket("onnx/model-v2.json"))["accuracy"]
    accuracy = float((answers.argmax(axis=1) == digits[1]).mean())
    assert accuracy == pytest.approx(reported, abs=1e-6)
