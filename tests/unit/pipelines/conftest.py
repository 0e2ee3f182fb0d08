"""Fixtures: pipelines compiled by the SDK, a database, the API in this process."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from kfp import compiler

from lab_platform.pipeline_server.api.application import create_application
from lab_platform.pipeline_server.database.connection import Database
from lab_platform.pipeline_server.database.migrate import migrate
from lab_platform.pipeline_server.ir.package import read_package
from lab_platform.pipeline_server.ir.pipeline import PipelineIR
from lab_platform.pipeline_server.object_store import ObjectStore
from lab_platform.pipeline_server.services.collection import Services
from lab_platform.pipeline_server.settings import Settings

warnings.simplefilter("ignore", FutureWarning)


class NoPods:
    """A cluster without pods."""

    def read_log(self, pod_name: str, container: str = "main") -> bytes | None:
        return None


@pytest.fixture
def compile_pipeline(tmp_path: Path) -> Callable[[Any], bytes]:
    def compiled(pipeline: Any) -> bytes:
        path = tmp_path / f"{pipeline.name}.yaml"
        compiler.Compiler().compile(pipeline, str(path))
        return path.read_bytes()

    return compiled


@pytest.fixture
def read_ir(compile_pipeline: Callable[[Any], bytes]) -> Callable[[Any], PipelineIR]:
    return lambda pipeline: PipelineIR(read_package(compile_pipeline(pipeline)))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/pipelines.db")
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def settings() -> Settings:
    return Settings(
        store_endpoint="http://127.0.0.1:9",
        store_access_key="access",
        store_secret_key="secret",
        signing_key="key",
        step_url="http://server",
        launcher_config_map="launcher",
        platform_image="registry/lab-platform:1.0",
        elyra_files="/nowhere",
    )


@pytest.fixture
def services(database: Database, settings: Settings) -> Services:
    return Services(settings, database, ObjectStore(settings), NoPods())


@pytest.fixture
def api(services: Services) -> Iterator[TestClient]:
    with TestClient(create_application(services, page=False)) as client:
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
