"""What is written and said about the seats: one, or a class of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from .rendering import render_text


def part(kind: str, name: str, seat: str, **status: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "namespace": seat}, "status": status}


def parts_of(seat: str) -> list[dict[str, Any]]:
    host = {"host": f"page-of-{seat}.example.com"}
    return [
        part("Route", "mnist-webapp", seat, ingress=[host]),
        part("Deployment", "mnist-webapp", seat, readyReplicas=1),
        part("StatefulSet", "notebook", seat, readyReplicas=1),
    ]


def said_by_kubectl(*seats: str) -> dict[str, Any]:
    items = [item for seat in (*seats, "somebody-elses") for item in parts_of(seat)]
    return {"stdout": json.dumps({"items": items})}


def render_access(
    seats: list[str], seat: str, inventory: str = "embedded", **variables: Any
) -> dict[str, Any]:
    text = render_text(
        inventory,
        "lab_access",
        "access.json.j2",
        lab_seats=seats,
        __lab_access_namespace=seat,
        __lab_access_objects=said_by_kubectl(*seats),
        **variables,
    )
    access: dict[str, Any] = json.loads(text)
    return access


@pytest.mark.parametrize("seat", ["mnist-1", "mnist-2"])
def test_each_seat_has_its_own_addresses_and_secrets(seat: str) -> None:
    access = render_access(["mnist-1", "mnist-2"], seat)
    assert access["namespace"] == seat
    assert access["webapp"]["url"] == f"https://page-of-{seat}.example.com"
    assert access["inference"]["token_secret"] == f"{seat}/model-mesh"
    assert seat in access["pipelines"]["url"]


def test_a_machine_that_trusts_the_cluster_needs_no_certificate() -> None:
    values = {"lab_base_domain": "apps.example.com", "lab_state": "/nowhere"}
    assert render_access(["mnist"], "mnist", "openshift", **values)["ca_certificate"] == ""
    named = render_access(
        ["mnist"], "mnist", "openshift", lab_ca_certificate="/etc/ca.pem", **values
    )
    assert named["ca_certificate"] == "/etc/ca.pem"


def test_what_the_inventory_chose_is_told() -> None:
    access = render_access(
        ["mnist"], "mnist", lab_serving_mode="raw", lab_images_namespace="lab-images",
        lab_project_notebook_volume_size="5Gi",
    )  # fmt: skip
    assert access["serving"]["mode"] == "raw"
    assert access["images"]["namespace"] == "lab-images"
    assert access["volumes"] == {"notebook": "5Gi", "ml-pipeline": "10Gi"}


@pytest.mark.parametrize(
    ("mode", "service"), [("modelmesh", "modelmesh-serving"), ("raw", "mnist-predictor")]
)
def test_each_project_has_a_route_to_its_model_server(mode: str, service: str) -> None:
    seats = ["mnist-1", "mnist-2"]
    text = render_text(
        "embedded", "lab_project", "route.yml.j2", lab_seats=seats, lab_serving_mode=mode
    )
    routes = list(yaml.safe_load_all(text))
    assert [route["metadata"]["namespace"] for route in routes] == seats
    assert {route["spec"]["to"]["name"] for route in routes} == {service}
    # The access file looks for it by this name.
    url = render_access(seats, "mnist-1")["inference"]["url"]
    assert url.startswith(f"https://{routes[0]['metadata']['name']}-mnist-1.")


@pytest.mark.parametrize("seats", [["mnist"], ["mnist-1", "mnist-2"]], ids=["one", "class"])
def test_summary_tells_of_every_seat(seats: list[str], tmp_path: Path) -> None:
    for seat in seats:
        text = json.dumps(render_access(seats, seat))
        name = "access.json" if len(seats) == 1 else f"access-{seat}.json"
        (tmp_path / name).write_text(text, encoding="utf-8")
    said = render_text(
        "embedded",
        "lab_access",
        "summary.j2",
        lab_seats=seats,
        lab_access_directory=str(tmp_path),
        __lab_access_objects=said_by_kubectl(*seats),
    )
    assert "somebody-elses" not in said
    for seat in seats:
        assert f"https://page-of-{seat}.example.com" in said
    assert said.count("ready") >= 2 * len(seats)
    assert "not there" in said, "no seat has a model here"
