"""Fixtures: the sample lab and a browser without scripts on its page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from pipeline_server.services.collection import Services
from pipeline_server.web.application import create_page

from .sample_lab import Lab

HOST = "http://pipelines.example"


@pytest.fixture(scope="session")
def sample_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample lab's database, made once, to be copied."""
    path = tmp_path_factory.mktemp("sample") / "pipelines.db"
    made = Lab(path)
    made.make_sample()
    made.services.database.close()
    return path


@pytest.fixture
def lab(sample_database: Path, tmp_path: Path) -> Iterator[Lab]:
    """A project in the middle of the lab."""
    made = Lab(Path(shutil.copy(sample_database, tmp_path / "pipelines.db")))
    made.keep_files()
    yield made
    made.services.database.close()


@pytest.fixture
def empty_lab(tmp_path: Path) -> Iterator[Lab]:
    """A project that has only just been made."""
    made = Lab(tmp_path / "empty.db")
    yield made
    made.services.database.close()


@pytest.fixture
def services(empty_lab: Lab) -> Services:
    """Services on a fresh database."""
    return empty_lab.services


def open_browser(lab: Lab) -> TestClient:
    """A client without scripts whose forms come from the page itself."""
    client = TestClient(create_page(lab.services), base_url=HOST, follow_redirects=False)
    client.headers["Origin"] = HOST
    return client


@pytest.fixture
def browser(lab: Lab) -> TestClient:
    """On the sample lab."""
    return open_browser(lab)


@pytest.fixture
def client(empty_lab: Lab) -> TestClient:
    """On the empty one."""
    return open_browser(empty_lab)
