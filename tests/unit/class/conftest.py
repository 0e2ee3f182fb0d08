"""A cluster in memory, with what a class needs of it."""

from __future__ import annotations

import pytest
from memory_cluster import MemoryCluster


@pytest.fixture
def cluster() -> MemoryCluster:
    return MemoryCluster()
