"""A class of strangers: a learner with rights in one seat, and the neighbour's seat."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator

import pytest
from platform_cluster import PLATFORM, STATE, Browser, is_ready, server_manifests, wait_for
from tenancy_seats import Seat, make_seat

from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.client import KubernetesClient


@pytest.fixture(scope="session")
def client() -> KubernetesClient:
    """Comes as the administrator."""
    os.environ.setdefault("KUBECONFIG", str(STATE / "kubeconfig"))
    return kubernetes.get_client()


@pytest.fixture(scope="session")
def browser(client: KubernetesClient) -> Browser:
    secret = client.get("v1", "Secret", "lab-ca", PLATFORM)
    assert secret, "the platform is not installed: ./lab run install-platform"
    return Browser(base64.b64decode(secret["data"]["tls.crt"]).decode())


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
