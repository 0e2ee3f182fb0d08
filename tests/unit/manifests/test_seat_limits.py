"""What each seat may take, by its size: it fits the machine that the inventory is for."""

from __future__ import annotations

from typing import Any

import pytest

from lab_ground.kubernetes.quantities import parse_bytes

from .rendering import INVENTORIES, render

# The reference machine, and what the control plane and the platform reserve on it.
CORES, TAKEN = 2.0, 0.4


def cores(quantity: str) -> float:
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def limits(inventory: str) -> dict[str, dict[str, Any]]:
    return {
        made["metadata"]["name"]: made["spec"]
        for made in render(inventory)
        if made["kind"] == "ResourceQuota"
    }


def test_a_seat_of_the_embedded_cluster_fits_two_cores() -> None:
    hard = limits("embedded")["lab-seat"]["hard"]
    assert cores(hard["requests.cpu"]) <= CORES - TAKEN


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_no_seat_goes_round_the_router_or_before_the_platform(inventory: str) -> None:
    quotas = limits(inventory)
    hard = quotas["lab-seat"]["hard"]
    assert (hard["services.nodeports"], hard["services.loadbalancers"]) == ("0", "0")
    assert {"pods", "requests.cpu", "requests.memory", "requests.storage"} <= set(hard)
    assert quotas["lab-seat-priority"] == {
        "hard": {"pods": "0"},
        "scopeSelector": {
            "matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]
        },
    }


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_the_lab_itself_fits_its_seat(inventory: str) -> None:
    """All volumes that the roles claim."""
    hard = limits(inventory)["lab-seat"]["hard"]
    claims = [
        made["spec"]["resources"]["requests"]["storage"]
        for made in render(inventory)
        if made["kind"] == "PersistentVolumeClaim"
    ]
    # Those of the pipeline server's database and store, as the role asks for them.
    server = next(
        made for made in render(inventory) if made["kind"] == "DataSciencePipelinesApplication"
    )
    claims += [
        server["spec"]["database"]["mariaDB"]["pvcSize"],
        server["spec"]["objectStorage"]["minio"]["pvcSize"],
    ]
    assert sum(map(parse_bytes, claims)) <= parse_bytes(hard["requests.storage"])
    assert len(claims) <= int(hard["persistentvolumeclaims"])
