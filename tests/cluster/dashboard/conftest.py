"""Two seats, their learners, a contributor, and the dashboard behind its Route as each of them."""

# Fixtures are asked for by the names that they are imported under.
# ruff: noqa: F811

from __future__ import annotations

from collections.abc import Iterator

import cluster_accounts
import pytest
from dashboard_page import Page
from platform_cluster import Browser
from platform_fixtures import authority, browser, client  # noqa: F401
from tenancy_seats import Seat, make_seat

from lab_ground.kubernetes.client import KubernetesClient


@pytest.fixture(scope="session")
def seat(client: KubernetesClient) -> Iterator[Seat]:
    """The learner's own, for models on ModelMesh."""
    made = make_seat(client, "dash")
    labels = {"metadata": {"labels": {"modelmesh-enabled": "true"}}}
    client.patch("v1", "Namespace", made.namespace, labels)
    yield made
    client.delete("v1", "Namespace", made.namespace)


@pytest.fixture(scope="session")
def neighbour(client: KubernetesClient) -> Iterator[Seat]:
    made = make_seat(client, "dash-other")
    yield made
    client.delete("v1", "Namespace", made.namespace)


@pytest.fixture(scope="session")
def learner(browser: Browser, seat: Seat) -> Page:
    return Page(browser, seat.token, seat.namespace)


@pytest.fixture(scope="session")
def stranger(browser: Browser, neighbour: Seat) -> Page:
    return Page(browser, neighbour.token, neighbour.namespace)


@pytest.fixture(scope="session")
def contributor(client: KubernetesClient, browser: Browser, seat: Seat) -> Page:
    """May edit in the learner's seat, and no more."""
    client.create(cluster_accounts.account("contributor", seat.namespace))
    client.create(cluster_accounts.binding("contributor", seat.namespace, role="edit"))
    token = cluster_accounts.token_of(client, seat.namespace, "contributor")
    return Page(browser, token, seat.namespace)
