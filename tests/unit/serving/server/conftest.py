"""Fixtures: an object store, and a model server with one model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import serving_models as models

from lab_ground.serving.manifest import write_manifest

from .object_store import ObjectStore
from .running import RunningServer


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with ObjectStore() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("server")
    folder = root / "models" / "mnist"
    models.save(models.digits(), folder / "r1" / "model.onnx")
    write_manifest(folder, revision="mnist__isvc-0123456789", file="r1/model.onnx")
    running = RunningServer(root / "models", root / "log")
    running.start(LAB_SERVER_LOAD_AT_START="true", LAB_SERVER_REQUEST_TIMEOUT="1")
    yield running
    running.stop()
