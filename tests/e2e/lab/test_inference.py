"""Function and page: there, reachable, and saying what is wrong with a bad drawing."""

from __future__ import annotations

import base64
import io

import pytest
import requests
from PIL import Image

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader

pytestmark = pytest.mark.inference


def test_function_is_ready(cluster: ClusterReader, namespace: str) -> None:
    """The serverless function is ready."""
    found = cluster.find("serving.knative.dev/v1", "Service", "mnist-function", namespace)
    assert found, "the function is not deployed; run oc apply -k ./inference/"
    ready = {c["type"]: c for c in found.get("status", {}).get("conditions", ())}.get("Ready", {})
    assert ready.get("status") == "True", f"{ready.get('reason')}: {ready.get('message')}"


def test_page_loads_nothing_from_elsewhere(anyone: requests.Session, access: Access) -> None:
    """The page comes over TLS with a policy that allows no other host."""
    answer = anyone.get(access.get("webapp.url"), timeout=15)
    assert answer.status_code == 200, f"it answered {answer.status_code}"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "https:" not in policy


def test_empty_drawing_is_refused_with_its_cause(anyone: requests.Session, access: Access) -> None:
    """An empty drawing is refused with a sentence."""
    picture = io.BytesIO()
    Image.new("RGB", (280, 280), "white").save(picture, "PNG")
    url = "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()
    answer = anyone.post(f"{access.get('webapp.url')}/api/predict", json={"image": url}, timeout=70)
    assert answer.status_code == 422, f"it answered {answer.status_code}"
    assert answer.json()["error"]["cause"]
