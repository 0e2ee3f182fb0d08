"""A seat in memory, its API server, and the dashboard in front of it, both over HTTP."""

from __future__ import annotations

import pytest
from memory_api import MemoryApi
from memory_cluster import MemoryCluster

from .seat import Page, fill, open_dashboard


@pytest.fixture(scope="session")
def dashboard(tmp_path_factory):
    """Both servers; they start once, and each test has a cluster of its own behind them."""
    with open_dashboard(MemoryApi(MemoryCluster()), tmp_path_factory.mktemp("page")) as found:
        yield found


@pytest.fixture
def api(dashboard):
    dashboard.begin()
    fill(dashboard.api.cluster)
    yield dashboard.api
    dashboard.api.away = False


@pytest.fixture
def cluster(api):
    return api.cluster


@pytest.fixture
def address(api, dashboard):
    return dashboard.address


@pytest.fixture
def page(address):
    with Page(address, "ann") as found:
        yield found


@pytest.fixture
def contributor(address):
    with Page(address, "carl") as found:
        yield found


@pytest.fixture
def stranger(address):
    with Page(address, "bob") as found:
        yield found


@pytest.fixture
def instructor(address):
    with Page(address, "root") as found:
        yield found
