"""Fixtures: the sample lab and a browser without scripts on its page."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from pipeline_server.web.application import create_page

from .memory_source import MemorySource
from .sample_lab import sample_lab

HOST = "http://pipelines.example"


@pytest.fixture
def lab() -> MemorySource:
    """A project in the middle of the lab."""
    return sample_lab()


@pytest.fixture
def browser(lab: MemorySource) -> TestClient:
    """A client whose forms come from the page itself."""
    page = create_page(lab, "mnist")
    client = TestClient(page, base_url=HOST, follow_redirects=False)
    client.headers["Origin"] = HOST
    return client
