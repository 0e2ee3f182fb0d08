"""The lab's own model, over the wire: every test image answered as ONNX Runtime answers it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pandas
import pytest
import requests

pytestmark = pytest.mark.lab
BATCH = 250


@pytest.fixture(scope="module")
def digits(bucket: Any) -> tuple[np.ndarray, np.ndarray]:
    """The 10,000 test images as the model takes them, and their labels."""
    table = pandas.read_csv(io.BytesIO(bucket("data/test.csv")), dtype=np.uint8)
    labels = table.pop("label").to_numpy()
    assert len(labels) == 10_000
    return table.to_numpy().reshape(-1, 28, 28, 1).astype(np.float32) / 255, labels


@pytest.fixture(scope="module")
def answers(
    access: dict[str, Any],
    secret: Callable[[str], dict[str, str]],
    digits: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """What the served model says of each of them, through the token proxy."""
    session = requests.Session()
    session.trust_env = False
    session.verify = access["ca_certificate"] or True
    token = secret(access["inference"]["token_secret"])["token"]
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
