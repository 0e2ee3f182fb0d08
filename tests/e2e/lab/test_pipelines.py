"""The pipeline server: its parts, its API, its token check."""

from __future__ import annotations

import pytest
import requests

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_driver.refusals import not_refused
from lab_steps.pipelines import PARTS, part_fault

pytestmark = pytest.mark.pipelines


@pytest.fixture(scope="module")
def application(cluster: ClusterReader, namespace: str) -> dict:
    found = cluster.pipeline_server("ds-pipeline", namespace)
    assert found, f"DataSciencePipelinesApplication {namespace}/ds-pipeline does not exist"
    return found


@pytest.mark.parametrize("part", PARTS)
def test_part_is_ready(application: dict, part: str) -> None:
    """The pipeline server's part is ready."""
    told = part_fault(application, part)
    assert not told, told


def test_api_is_healthy(pipelines: requests.Session, access: Access) -> None:
    """The API answers through the Route with the token."""
    answer = pipelines.get(f"{access.get('pipelines.url')}/apis/v2beta1/healthz", timeout=15)
    assert answer.status_code == 200, f"healthz answered {answer.status_code}"


@pytest.mark.parametrize("token", ["", "garbage"], ids=["no token", "garbage"])
def test_api_refuses(anyone: requests.Session, access: Access, token: str) -> None:
    """The API refuses who has no good token."""
    answer = anyone.get(
        f"{access.get('pipelines.url')}/apis/v2beta1/runs", timeout=15, allow_redirects=False,
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )  # fmt: skip
    told = not_refused(
        answer.status_code, answer.headers.get("Location", ""), answer.url, access.refusals
    )
    assert not told, told
