"""The served model: its status, its description, its token."""

from __future__ import annotations

import pytest
import requests

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_steps import serving


@pytest.fixture(scope="module")
def model(cluster: ClusterReader, namespace: str, access: Access) -> dict:
    name = access.get("inference.model")
    found = cluster.find("serving.kserve.io/v1beta1", "InferenceService", name, namespace)
    assert found, f"InferenceService {namespace}/{name} does not exist"
    return found


@pytest.mark.serving
def test_model_is_ready(model: dict) -> None:
    """The model's status says that it is loaded and ready."""
    told = serving.ready_fault(model)
    assert not told, told


@pytest.mark.serving
def test_model_describes_its_input(model_session: requests.Session, model_url: str) -> None:
    """The model's metadata name the input input_1, FP32, [*, 28, 28, 1]."""
    answer = model_session.get(model_url, timeout=15)
    told = serving.described_fault(answer.status_code, answer.json() if answer.ok else {})
    assert not told, told


@pytest.mark.token
def test_right_token(model_session: requests.Session, model_url: str) -> None:
    """The right token gets ten probabilities."""
    answer = model_session.post(f"{model_url}/infer", json=serving.EMPTY_REQUEST, timeout=15)
    body = answer.json() if answer.ok else {}
    told = serving.answered_fault(answer.status_code, answer.text, body)
    assert not told, told


@pytest.mark.token
@pytest.mark.parametrize("token", ["", "garbage"], ids=["no token", "garbage"])
def test_refused(anyone: requests.Session, model_url: str, token: str) -> None:
    """Without a good token the model answers 401."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url, body = f"{model_url}/infer", serving.EMPTY_REQUEST
    answer = anyone.post(url, json=body, headers=headers, timeout=15)
    told = serving.status_fault(answer.status_code, 401)
    assert not told, told


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
