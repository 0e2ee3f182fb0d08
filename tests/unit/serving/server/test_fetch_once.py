"""The fetch before a server of one model starts: what it leaves is what that server finds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
import serving_models as models

from model_puller import __main__ as puller
from model_puller.check import start_trials
from model_server.repository import DataOnlyRepository

from .object_store import ObjectStore
from .orders import config

MODEL = {
    "name": "mnist", "revision": "mnist__isvc-0123456789", "storageKey": "s3-creds",
    "path": "onnx",
}  # fmt: skip


@pytest.fixture
def order(store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The pod's mounts and environment; returns the folder of the models."""
    mounted = tmp_path / "storage-config"
    mounted.mkdir()
    for name, text in config(store).items():
        (mounted / name).write_text(text)
    monkeypatch.setattr(puller, "STORAGE_MOUNT", mounted)
    monkeypatch.setattr(puller, "TERMINATION_LOG", tmp_path / "termination-log")
    monkeypatch.setenv("LAB_SERVER_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("LAB_PULLER_MODEL", json.dumps(MODEL))
    start_trials()
    return tmp_path / "models"


def test_the_server_finds_the_file(store: ObjectStore, order: Path) -> None:
    content = models.digits().SerializeToString()
    store.objects["onnx/1/model.onnx"] = content
    # Beside the version, as the lab has it: not looked at.
    store.objects["onnx/model-v2.onnx"] = b"not this one"
    assert puller.fetch_once() == 0
    (found,) = asyncio.run(DataOnlyRepository(str(order)).list())
    assert found.name == "mnist"
    assert found.parameters is not None
    assert Path(str(found.parameters.uri)).read_bytes() == content


def test_a_missing_model_is_told_and_leaves_nothing_to_load(order: Path, tmp_path: Path) -> None:
    assert puller.fetch_once() == 1
    assert "no object at s3://rhods/onnx" in (tmp_path / "termination-log").read_text()
    assert asyncio.run(DataOnlyRepository(str(order)).list()) == []


@pytest.mark.parametrize(
    ("path", "what"),
    [("onnx/model-v2.onnx", "is a file"), ("onnx", "has no numbered folder")],
)
def test_a_model_without_version_folders_is_refused(
    store: ObjectStore,
    order: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    what: str,
) -> None:
    """OVMS' readAvailableVersions (src/modelmanager.cpp): a file is "no version", to be served."""
    monkeypatch.setenv("LAB_PULLER_MODEL", json.dumps({**MODEL, "path": path}))
    store.objects["onnx/model-v2.onnx"] = models.digits().SerializeToString()
    assert puller.fetch_once() == 1
    told = (tmp_path / "termination-log").read_text()
    assert f"s3://rhods/{path} {what}" in told
    assert "FOLDER/1/model.onnx" in told
    assert asyncio.run(DataOnlyRepository(str(order)).list()) == []
