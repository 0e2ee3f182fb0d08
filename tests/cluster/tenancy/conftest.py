"""A class of strangers: a learner with rights in one seat, and the neighbour's seat."""

# Fixtures are asked for by the names that they are imported under.
# ruff: noqa: F811

from __future__ import annotations

from collections.abc import Iterator

import pytest
from platform_cluster import is_ready, server_manifests, wait_for
from platform_fixtures import authority, browser, client  # noqa: F401
from tenancy_seats import Seat, make_seat

from lab_ground.kubernetes.client import KubernetesClient


@pytest.fixture(scope="session")
def stranger(client: KubernetesClient) -> Iterator[Seat]:
    """The learner who tries."""
    seat = make_seat(client, "stranger")
    yield seat
    client.delete("v1", "Namespace", seat.namespace)


@pytest.fixture(scope="session")
def victim(client: KubernetesClient) -> Iterator[Seat]:
    """The neighbour, with a server of the name ``notebook`` that says who it is."""
    seat = make_seat(client, "victim")
    for manifest in server_manifests("notebook", seat.namespace):
        client.create(manifest)
    wait_for(lambda: is_ready(client, "Pod", "notebook", seat.namespace), 90, "the victim's pod")
    yield seat
    client.delete("v1", "Namespace", seat.namespace)
