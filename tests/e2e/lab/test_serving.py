"""The served model: its status, its description, its token."""

from __future__ import annotations

import pytest
import requests

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader


@pytest.fixture(scope="module")
def model(cluster: ClusterReader, namespace: str, access: Access) -> dict:
    name = access.get("inference.model")
    found = cluster.find("serving.kserve.io/v1beta1", "InferenceService", name, namespace)
    assert found, f"InferenceService {namespace}/{name} does not exist"
    return found


@pytest.fixture(scope="module")
def request_body() -> dict:
    values = [0.0] * 784
    return {
        "inputs": [{"name": "input_1", "shape": [1, 28, 28, 1], "datatype": "FP32", "data": values}]
    }


@pytest.mark.serving
def test_model_is_ready(model: dict) -> None:
    """The model's status says that it is loaded and ready."""
    status = model.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    told = status.get("modelStatus") or {}
    failure = told.get("lastFailureInfo") or {}
    why = failure.get("message") or conditions.get("Ready", {}).get("message") or "no reason given"
    # A model that is loaded stays ready while what it should become cannot be loaded.
    assert told.get("transitionStatus", "UpToDate") == "UpToDate", (
        f"the model that the InferenceService names cannot be loaded: {why}"
    )
    assert conditions.get("Ready", {}).get("status") == "True", f"the model is not ready: {why}"


@pytest.mark.serving
def test_model_describes_its_input(model_session: requests.Session, model_url: str) -> None:
    """The model's metadata name the input input_1, FP32, [*, 28, 28, 1]."""
    answer = model_session.get(model_url, timeout=15)
    assert answer.status_code == 200, f"the metadata call answered {answer.status_code}"
    (tensor,) = answer.json()["inputs"]
    assert (tensor["name"], tensor["datatype"]) == ("input_1", "FP32")
    assert tensor["shape"][1:] == [28, 28, 1]


@pytest.mark.token
def test_right_token(model_session: requests.Session, model_url: str, request_body: dict) -> None:
    """The right token gets ten probabilities."""
    answer = model_session.post(f"{model_url}/infer", json=request_body, timeout=15)
    assert answer.status_code == 200, f"it answered {answer.status_code}: {answer.text[:200]}"
    (output,) = answer.json()["outputs"]
    assert len(output["data"]) == 10
    assert sum(output["data"]) == pytest.approx(1, abs=1e-4)


@pytest.mark.token
@pytest.mark.parametrize("token", ["", "garbage"], ids=["no token", "garbage"])
def test_refused(anyone: requests.Session, model_url: str, request_body: dict, token: str) -> None:
    """Without a good token the model answers 401."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = anyone.post(f"{model_url}/infer", json=request_body, headers=headers, timeout=15)
    assert answer.status_code == 401, f"it answered {answer.status_code}"


@pytest.mark.token
def test_token_without_the_right(
    anyone: requests.Session, cluster: ClusterReader, namespace: str, model_url: str
) -> None:
    """A good token of this cluster without the right answers 403."""
    names = [
        secret["metadata"]["name"]
        for secret in cluster.objects("v1", "Secret", namespace)
        if secret.get("type") == "kubernetes.io/service-account-token"
        and secret["metadata"]["name"] == "pipelines-client"
    ]
    assert names, "there is no other service account's token to try"
    token = cluster.secret(f"{namespace}/{names[0]}")["token"]
    answer = anyone.get(model_url, headers={"Authorization": f"Bearer {token}"}, timeout=15)
    assert answer.status_code == 403, f"it answered {answer.status_code}"
