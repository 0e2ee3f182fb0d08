"""Function and page: there, reachable, and saying what is wrong with a bad drawing."""

from __future__ import annotations

import pytest
import requests

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_steps import drawing

pytestmark = pytest.mark.inference


def test_function_is_ready(cluster: ClusterReader, namespace: str) -> None:
    """The serverless function is ready."""
    found = cluster.find("serving.knative.dev/v1", "Service", "mnist-function", namespace)
    told = drawing.function_fault(found)
    assert not told, told


def test_page_loads_nothing_from_elsewhere(anyone: requests.Session, access: Access) -> None:
    """The page comes over TLS with a policy that allows no other host."""
    answer = anyone.get(access.get("webapp.url"), timeout=15)
    policy = answer.headers.get("Content-Security-Policy", "")
    told = drawing.page_fault(answer.status_code, policy)
    assert not told, told


def test_empty_drawing_is_refused_with_its_cause(anyone: requests.Session, access: Access) -> None:
    """An empty drawing is refused with a sentence."""
    url, body = f"{access.get('webapp.url')}/api/predict", {"image": drawing.EMPTY}
    answer = anyone.post(url, json=body, timeout=70)
    refused = answer.json() if answer.status_code == 422 else {}
    told = drawing.refused_fault(answer.status_code, refused)
    assert not told, told
