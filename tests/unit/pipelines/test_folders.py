"""Artifacts that are folders: listed, opened file by file, packed; on a real object store."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from real_store import running_store

from object_storage.buckets import connect
from object_storage.builders import Identity
from pipeline_server.api.application import create_application
from pipeline_server.database import models
from pipeline_server.database.connection import Database
from pipeline_server.errors import NotFoundError, TooLargeError
from pipeline_server.object_store import ObjectStore
from pipeline_server.services import folders
from pipeline_server.services.collection import Services
from pipeline_server.settings import Settings

from .conftest import NoPods, Rights

ADMIN = Identity("admin", "ADMIN", "a" * 32, admin=True)
BASE = "/apis/v2beta1"
FOLDER = {"a.txt": b"one", "sub/b.txt": b"two", "sub/Ziffern €.csv": b"3,4\n"}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """The store's address, and a client of it."""
    with running_store(tmp_path_factory.mktemp("store"), [ADMIN]) as endpoint:
        yield endpoint, connect(endpoint, ADMIN.access_key, ADMIN.secret_key)


@pytest.fixture
def services(database: Database, settings: Settings, bucket: tuple[str, Any]) -> Services:
    settings = replace(
        settings,
        store_endpoint=bucket[0],
        store_access_key=ADMIN.access_key,
        store_secret_key=ADMIN.secret_key,
    )
    return Services(settings, database, ObjectStore(settings), NoPods(), Rights())


@pytest.fixture
def api(services: Services) -> Iterator[TestClient]:
    with TestClient(create_application(services)) as client:
        yield client


@pytest.fixture
def run_id(services: Services, spec: dict[str, Any]) -> str:
    from pipeline_server.services.runs import NewRun

    return services.runs.create(NewRun(display_name="r", spec=spec)).id


@pytest.fixture
def model(services: Services, run_id: str, bucket: tuple[str, Any]) -> str:
    """The id of an artifact of three files."""
    return made(services, run_id, bucket[1], "model", FOLDER)


def made(services: Services, run_id: str, client: Any, name: str, files: dict[str, bytes]) -> str:
    """An artifact of a step, with what lies below its address; ``""`` is at the address itself."""
    key = f"pipelines/{run_id}/{name}"
    for path, content in files.items():
        client.put_object(Bucket="rhods", Key=f"{key}/{path}" if path else key, Body=content)
    with services.database.session() as session:
        root = models.Task(run_id=run_id, path=f"root/{name}", name=name, display_name=name)
        root.kind, root.component = "CONTAINER", "comp"
        session.add(root)
        session.flush()
        artifact = models.Artifact(
            run_id=run_id,
            task_id=root.id,
            name=name,
            schema_title="system.Model",
            uri=f"s3://rhods/{key}",
            uri_digest=hashlib.sha256(key.encode()).hexdigest(),
            meta={},
        )
        session.add(artifact)
        session.flush()
        root.outputs = {"artifacts": {name: [artifact.id]}, "parameters": {}}
        return artifact.id


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_folder_is_listed_opened_and_packed(services: Services, model: str) -> None:
    folder = services.artifacts.folder(model)
    assert {file.path: file.stored.size for file in folder.files} == {
        path: len(content) for path, content in FOLDER.items()
    }
    assert not folder.more
    for path, content in FOLDER.items():
        opened = services.artifacts.open(model, path=path)
        assert (b"".join(opened.chunks), opened.size) == (content, len(content))
    whole = services.artifacts.open(model)
    assert (whole.name, whole.size) == ("model.zip", None)
    assert unpacked(b"".join(whole.chunks)) == {f"model/{p}": c for p, c in FOLDER.items()}


@pytest.mark.parametrize(
    "path",
    ["../model/a.txt", "./a.txt", "sub/../a.txt", "/a.txt", "sub//b.txt", "c", "sub", "sub/"],
)
def test_nothing_else_is_opened_through_a_folder(services: Services, model: str, path: str) -> None:
    for ask in (services.artifacts.open, services.artifacts.size):
        with pytest.raises(NotFoundError):
            ask(model, path=path)


def test_a_file_and_what_is_not_there(
    services: Services, run_id: str, bucket: tuple[str, Any]
) -> None:
    file = made(services, run_id, bucket[1], "file", {"": b"bytes"})
    assert services.artifacts.folder(file).files == ()
    assert b"".join(services.artifacts.open(file).chunks) == b"bytes"
    nothing = made(services, run_id, bucket[1], "nothing", {})
    assert services.artifacts.folder(nothing).files == ()
    with pytest.raises(NotFoundError, match="nothing"):
        services.artifacts.open(nothing)


def test_a_folder_has_bounds(
    services: Services, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MAXIMUM_FILES", 2)
    folder = services.artifacts.folder(model)
    assert (len(folder.files), folder.more) == (2, True)
    monkeypatch.setattr(folders, "MAXIMUM_PACKED_FILES", 2)
    with pytest.raises(TooLargeError, match="more than 2 files"):
        services.artifacts.open(model)
    monkeypatch.setattr(folders, "MAXIMUM_PACKED_FILES", 3)
    monkeypatch.setattr(folders, "MAXIMUM_PACKED_BYTES", 9)
    with pytest.raises(TooLargeError, match="has 10 bytes"):
        services.artifacts.open(model)


def test_the_api_lists_reads_and_packs(api: TestClient, run_id: str, model: str) -> None:
    listed = api.get(f"{BASE}/artifacts/{model}/files").json()
    assert {file["path"]: file["size"] for file in listed["files"]} == {
        path: str(len(content)) for path, content in FOLDER.items()
    }
    reply = api.get(f"{BASE}/artifacts/{model}/content")
    assert reply.headers["content-type"] == "application/zip"
    assert reply.headers["content-disposition"] == 'attachment; filename="model.zip"'
    assert unpacked(reply.content)["model/sub/b.txt"] == b"two"
    one = api.get(f"{BASE}/artifacts/{model}/content", params={"path": "sub/Ziffern €.csv"})
    assert (one.content, one.headers["content-length"]) == (b"3,4\n", "4")
    task = api.get(f"{BASE}/runs/{run_id}/tasks").json()["tasks"][0]["task_id"]
    read = api.get(f"{BASE}/runs/{run_id}/nodes/{task}/artifacts/model:read").json()
    assert unpacked(base64.b64decode(read["data"])) == unpacked(reply.content)


def test_what_is_read_at_once_has_a_bound(
    api: TestClient, run_id: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = api.get(f"{BASE}/runs/{run_id}/tasks").json()["tasks"][0]["task_id"]
    monkeypatch.setattr("pipeline_server.api.runs.MAXIMUM_READ", 20)
    reply = api.get(f"{BASE}/runs/{run_id}/nodes/{task}/artifacts/model:read")
    assert reply.status_code == 413
    assert f"ask for /apis/v2beta1/artifacts/{model}/content" in reply.json()["message"]


def elyra_spec(spec: dict[str, Any], directory: str) -> dict[str, Any]:
    """A run whose step writes where Elyra's bootstrapper writes."""
    executors = spec["deploymentSpec"]["executors"]
    name = next(iter(executors))
    container = {
        **executors[name]["container"],
        "args": [f"python3 bootstrapper.py --cos-bucket 'rhods' --cos-directory '{directory}'"],
    }
    changed = {**executors, name: {"container": container}}
    return {**spec, "deploymentSpec": {"executors": changed}}


def test_the_files_of_elyra_s_steps_are_one_archive(
    services: Services, spec: dict[str, Any], bucket: tuple[str, Any]
) -> None:
    from pipeline_server.services.runs import NewRun

    run = NewRun(display_name="mnist / 1", spec=elyra_spec(spec, "mnist-1"))
    run_id = services.runs.create(run).id
    with pytest.raises(NotFoundError, match="no files"):
        services.artifacts.open_files(run_id)
    for path in ("Train.html", "Train.ipynb", "models/m.onnx"):
        bucket[1].put_object(Bucket="rhods", Key=f"mnist-1/{path}", Body=path.encode())
    assert {file.path for file in services.artifacts.files(run_id).files} == {
        "Train.html",
        "Train.ipynb",
        "models/m.onnx",
    }
    opened = services.artifacts.open_file(run_id, "mnist-1/models/m.onnx")
    assert b"".join(opened.chunks) == b"models/m.onnx"
    for key in ("mnist-1/../mnist-1/Train.html", "mnist-2/Train.html", "mnist-1", "mnist-1/none"):
        with pytest.raises(NotFoundError):
            services.artifacts.open_file(run_id, key)
    whole = services.artifacts.open_files(run_id)
    assert whole.name == "mnist _ 1.zip"
    assert unpacked(b"".join(whole.chunks)) == {
        f"mnist _ 1/{path}": path.encode()
        for path in ("Train.html", "Train.ipynb", "models/m.onnx")
    }
