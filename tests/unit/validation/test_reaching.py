"""What keeps the checks from a model server is told with what to do about it."""

from __future__ import annotations

import pytest

from lab_driver.reaching import obstacle

URL = "https://mnist-inference-mnist.apps.example.com"
ROUTE = {"status": {"ingress": [{"host": "mnist-inference-mnist.apps.example.com"}]}}
OTHER = {"status": {"ingress": [{"host": "mnist-webapp-mnist.apps.example.com"}]}}
PENDING = {"metadata": {"name": "mnist-inference"}}


def service(*ports: str) -> dict:
    return {"spec": {"ports": [{"name": name} for name in ports]}}


def test_a_server_made_in_the_dashboard_is_reached_like_the_labs_own() -> None:
    assert obstacle(URL, "modelmesh-serving", [OTHER, ROUTE], service("grpc", "https")) == ""


@pytest.mark.parametrize(
    ("routes", "found", "told"),
    [
        ([OTHER, PENDING], service("https"), "./lab run prepare-lab makes the Route"),
        ([ROUTE], None, "there is no model server (no Service modelmesh-serving)"),
        ([ROUTE], service("grpc"), "choose token authorization"),
        ([ROUTE], {"spec": {}}, "asks for no token"),
    ],
)
def test_each_obstacle_has_a_sentence(routes: list, found: dict | None, told: str) -> None:
    assert told in obstacle(URL, "modelmesh-serving", routes, found)
