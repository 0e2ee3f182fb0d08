"""Fixtures: pipelines compiled by the SDK, a database, the API in this process."""

from __future__ import annotations

import io
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from kfp import compiler
from pipeline_services import NoPods, migrated_database, offline_settings

from pipeline_server.api.application import create_application
from pipeline_server.database.connection import Database
from pipeline_server.ir.package import read_package
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.object_store import ObjectStore
from pipeline_server.services.collection import Services
from pipeline_server.settings import Settings

from .world import World

warnings.simplefilter("ignore", FutureWarning)


class Rights:
    """What callers may use, by token; everybody everything, until a test says otherwise."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.refused: set[tuple[str, str]] = set()

    def __call__(self, token: str, attributes: Mapping[str, str]) -> bool:
        self.asked.append((token, dict(attributes)))
        return (attributes["resource"], attributes["name"]) not in self.refused


@pytest.fixture(scope="session")
def compile_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], bytes]:
    """Compiles a pipeline, each once."""
    folder = tmp_path_factory.mktemp("compiled")
    known: dict[str, bytes] = {}

    def compiled(pipeline: Any) -> bytes:
        if pipeline.name not in known:
            path = folder / f"{pipeline.name}.yaml"
            compiler.Compiler().compile(pipeline, str(path))
            known[pipeline.name] = path.read_bytes()
        return known[pipeline.name]

    return compiled


@pytest.fixture
def read_ir(compile_pipeline: Callable[[Any], bytes]) -> Callable[[Any], PipelineIR]:
    return lambda pipeline: PipelineIR(read_package(compile_pipeline(pipeline)))


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all tables, to be copied."""
    return migrated_database(tmp_path_factory.mktemp("database"))


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    path = shutil.copy(migrated, tmp_path / "pipelines.db")
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def settings() -> Settings:
    return offline_settings()


@pytest.fixture
def ask() -> Rights:
    return Rights()


@pytest.fixture
def services(database: Database, settings: Settings, ask: Rights) -> Services:
    return Services(settings, database, ObjectStore(settings), NoPods(), ask)


@pytest.fixture
def api(services: Services) -> Iterator[TestClient]:
    with TestClient(create_application(services)) as client:
        yield client


@pytest.fixture
def upload(api: TestClient) -> Callable[..., Any]:
    def send(content: bytes, filename: str = "pipeline.yaml", name: str = "uploaded") -> Any:
        return api.post(
            "/apis/v2beta1/pipelines/upload",
            params={"name": name},
            files={"uploadfile": (filename, io.BytesIO(content))},
        )

    return send


@pytest.fixture
def spec(compile_pipeline: Callable[[Any], bytes]) -> dict[str, Any]:
    """The IR of two steps, as a client sends it."""
    from .pipelines import two_steps

    loaded: dict[str, Any] = yaml.safe_load(compile_pipeline(two_steps))
    return loaded


@pytest.fixture
def world(services: Services) -> World:
    return World(services)


@pytest.fixture
def ir(compile_pipeline: Callable[[Any], bytes]) -> Callable[[Any], dict[str, Any]]:
    """The document of a pipeline."""
    return lambda pipeline: read_package(compile_pipeline(pipeline))
