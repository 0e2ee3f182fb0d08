"""Fixtures: a cluster in memory, an authority, a clock that is set by hand."""

from __future__ import annotations

import pytest
from memory_cluster import in_memory

from controllers.serving_certificate.build.authority import KeyPair, create_authority


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def authority() -> KeyPair:
    return create_authority(["apps.mnist-lab.localhost", "svc", "cluster.local"])


@pytest.fixture
def cluster():
    """The client of the platform's code, over objects in memory."""
    with in_memory() as memory:
        yield memory
