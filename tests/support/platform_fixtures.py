"""Fixtures of the suites that ask the platform: the administrator's client, and the router's.

A suite's conftest imports those that it uses.
"""

from __future__ import annotations

import os

import pytest
from platform_cluster import STATE, Browser, read_authority

from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.client import KubernetesClient


@pytest.fixture(scope="session")
def client() -> KubernetesClient:
    """Comes as the administrator."""
    os.environ.setdefault("KUBECONFIG", str(STATE / "kubeconfig"))
    return kubernetes.get_client()


@pytest.fixture(scope="session")
def authority(client: KubernetesClient) -> str:
    """The authority of the Routes' certificates."""
    return read_authority(client)


@pytest.fixture(scope="session")
def browser(authority: str) -> Browser:
    """Asks through the router."""
    return Browser(authority)
