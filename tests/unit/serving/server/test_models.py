"""The ONNX runtime class: loading, tensor types, replacing under load."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serving_models as models
from onnx import TensorProto
from serving_requests import image_request

from lab_ground.serving.manifest import write_manifest
from model_puller.errors import PullError
from model_puller.server_client import ServerClient
from model_server.memory import available_bytes

from .running import RunningServer, call


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("empty")
    (root / "models").mkdir()
    running = RunningServer(root / "models", root / "log").start()
    yield running
    running.stop()


def put(server: RunningServer, name: str, revision: str, content: bytes) -> None:
    """Lay a model in its folder, as the puller does."""
    folder = server.models / name
    (folder / revision).mkdir(parents=True, exist_ok=True)
    (folder / revision / "model.onnx").write_bytes(content)
    write_manifest(folder, revision=revision, file=f"{revision}/model.onnx")


def test_loads_replaces_and_unloads_without_a_restart(server: RunningServer) -> None:
    client = ServerClient(server.admin)
    before = client.instance()
    put(server, "digits", "r1", models.digits(bias=1.0).SerializeToString())
    client.load("digits")
    assert server.infer("digits", image_request())[1]["outputs"][0]["data"] == [1.0] * 10
    put(server, "digits", "r2", models.digits(bias=2.0).SerializeToString())
    client.load("digits")
    answer = server.infer("digits", image_request())[1]
    assert (answer["model_name"], answer["outputs"][0]["data"]) == ("r2", [2.0] * 10)
    client.unload("digits")
    assert server.infer("digits", image_request())[0] == 404
    client.unload("digits")
    assert client.instance() == before


def test_no_request_fails_while_a_model_is_replaced(server: RunningServer) -> None:
    client = ServerClient(server.admin)
    put(server, "busy", "r0", models.digits(bias=0.0).SerializeToString())
    client.load("busy")
    stop = threading.Event()
    seen: list[tuple[int, str, float]] = []

    def ask() -> None:
        while not stop.is_set():
            status, answer = server.infer("busy", image_request())
            value = answer["outputs"][0]["data"][0] if status == 200 else float("nan")
            seen.append((status, answer.get("model_name", ""), value))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(1, 11):
        put(server, "busy", f"r{number}", models.digits(bias=number).SerializeToString())
        client.load("busy")
    stop.set()
    for thread in threads:
        thread.join(30)
    assert {status for status, _, _ in seen} == {200}
    assert all(name == f"r{value:.0f}" for _, name, value in seen)
    assert len({name for _, name, _ in seen}) > 2
    client.unload("busy")


def test_a_bad_revision_leaves_the_good_one_answering(server: RunningServer) -> None:
    client = ServerClient(server.admin)
    put(server, "kept", "good", models.digits().SerializeToString())
    client.load("kept")
    put(server, "kept", "bad", b"this is not a model")
    with pytest.raises(PullError, match="not a loadable ONNX model"):
        client.load("kept")
    assert server.infer("kept", image_request())[1]["model_name"] == "good"
    client.unload("kept")


def test_ten_models_and_a_corrupt_one(server: RunningServer) -> None:
    client = ServerClient(server.admin)
    for number in range(10):
        content = models.digits(bias=number).SerializeToString()
        put(server, f"m{number}", "r1", content[: len(content) // 2] if number == 4 else content)
        if number == 4:
            with pytest.raises(PullError):
                client.load("m4")
        else:
            client.load(f"m{number}")
    statuses = {number: server.infer(f"m{number}", image_request())[0] for number in range(10)}
    assert statuses == {number: 404 if number == 4 else 200 for number in range(10)}
    for number in set(range(10)) - {4}:
        client.unload(f"m{number}")


@pytest.mark.parametrize(
    ("element", "datatype", "data"),
    [
        (TensorProto.INT64, "INT64", [1, -2, 2**62]),
        (TensorProto.UINT8, "UINT8", [0, 255]),
        (TensorProto.BOOL, "BOOL", [True, False]),
        (TensorProto.DOUBLE, "FP64", [0.1, 1e-300]),
        (TensorProto.FLOAT16, "FP16", [0.5, 2.0]),
        (TensorProto.STRING, "BYTES", ["grüße", ""]),
    ],
)
def test_every_datatype_comes_back(
    server: RunningServer, element: int, datatype: str, data: list[object]
) -> None:
    client = ServerClient(server.admin)
    put(server, "echo", datatype.lower(), models.echo(element).SerializeToString())
    client.load("echo")
    tensor = {"name": "x", "shape": [len(data)], "datatype": datatype, "data": data}
    status, answer = server.infer("echo", {"inputs": [tensor]})
    assert (status, answer.get("outputs", answer)) == (
        200,
        [{"name": "y", "shape": [len(data)], "datatype": datatype, "data": data}],
    )


@pytest.mark.parametrize(
    ("element", "datatype", "data"),
    [
        (TensorProto.UINT8, "UINT8", [256]),
        (TensorProto.UINT8, "UINT8", [-1]),
        (TensorProto.INT64, "INT64", [1.5]),
        (TensorProto.BOOL, "BOOL", [2]),
        (TensorProto.STRING, "BYTES", [1]),
    ],
)
def test_values_outside_a_datatype_are_refused(
    server: RunningServer, element: int, datatype: str, data: list[object]
) -> None:
    client = ServerClient(server.admin)
    put(server, "echo", datatype.lower(), models.echo(element).SerializeToString())
    client.load("echo")
    tensor = {"name": "x", "shape": [1], "datatype": datatype, "data": data}
    assert server.infer("echo", {"inputs": [tensor]})[0] == 400


def test_the_folder_cannot_choose_the_code(server: RunningServer) -> None:
    folder = server.models / "evil"
    folder.mkdir()
    (folder / "evil.py").write_text("raise SystemExit('this must not run')")
    (folder / "model-settings.json").write_text('{"name": "evil", "implementation": "evil.Evil"}')
    with pytest.raises(PullError, match="not found"):
        ServerClient(server.admin).load("evil")
    assert call(server.rest, "GET", "/v2/health/live")[0] == 200


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2f..%2fetc", "."])
def test_a_model_name_is_no_path(server: RunningServer, name: str) -> None:
    status, _ = call(server.admin, "POST", f"/v2/repository/models/{name}/load")
    assert status == 404


def test_memory_is_read_from_either_cgroup(tmp_path: Path) -> None:
    assert available_bytes(tmp_path) is None
    old = tmp_path / "sys/fs/cgroup/memory"
    old.mkdir(parents=True)
    (old / "memory.limit_in_bytes").write_text("1000\n")
    (old / "memory.usage_in_bytes").write_text("600\n")
    (old / "memory.stat").write_text("cache 1\ntotal_inactive_file 100\n")
    assert available_bytes(tmp_path) == 500
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    assert available_bytes(tmp_path) == 500
