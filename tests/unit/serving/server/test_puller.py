"""The puller: what it fetches, what it refuses and with which words, and how it keeps pace."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import serving_models as models

from lab_platform.model_serving.puller.check import check_model, start_trials
from lab_platform.model_serving.puller.errors import PullError
from lab_platform.model_serving.puller.fetch import connection_for, fetch
from lab_platform.model_serving.puller.model import ModelSpec
from lab_platform.model_serving.puller.server_client import ServerAwayError
from lab_platform.model_serving.puller.state_server import StateServer
from lab_platform.model_serving.puller.storage import choose_files
from lab_platform.model_serving.puller.sync import Synchroniser

from .object_store import ACCESS_KEY, ObjectStore

MIB = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def _trials() -> None:
    start_trials()


def config(store: ObjectStore, **changes: str) -> dict[str, str]:
    """The Secret `storage-config` with one data connection."""
    connection = {
        "type": "s3",
        "access_key_id": ACCESS_KEY,
        "secret_access_key": "secret",
        "endpoint_url": store.endpoint,
        "bucket": "rhods",
        "region": "",
        **changes,
    }
    return {"s3-creds": json.dumps(connection)}


def spec(path: str = "onnx/model-v2.onnx", name: str = "mnist", revision: str = "r1") -> ModelSpec:
    return ModelSpec(name, f"{name}__isvc-{revision}", "s3-creds", path)


def pull(
    store: ObjectStore,
    folder: Path,
    wanted: ModelSpec,
    *,
    max_bytes: int = 100 * MIB,
    memory: int | None = None,
    **changes: str,
) -> str:
    return fetch(
        wanted,
        connection_for(wanted, config(store, **changes)),
        folder / wanted.revision,
        max_bytes=max_bytes,
        memory_bytes=memory,
        check=check_model,
    )


def test_a_model_arrives_whole(store: ObjectStore, tmp_path: Path) -> None:
    content = models.digits().SerializeToString()
    store.objects["onnx/model-v2.onnx"] = content
    assert pull(store, tmp_path, spec()) == "model-v2.onnx"
    assert (tmp_path / spec().revision / "model-v2.onnx").read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == [spec().revision]


@pytest.mark.parametrize(
    ("sidecar", "body"),
    [
        ("onnx/model-v2.json", '{{"sha256": "{sum}", "accuracy": 0.99}}'),
        ("onnx/model-v2.onnx.json", '{{"sha256": "{sum}"}}'),
        ("onnx/model-v2.onnx.sha256", "{sum}  model-v2.onnx\n"),
    ],
)
def test_the_sidecars_sum_is_checked(
    store: ObjectStore, tmp_path: Path, sidecar: str, body: str
) -> None:
    content = models.digits().SerializeToString()
    store.objects["onnx/model-v2.onnx"] = content
    store.objects[sidecar] = body.format(sum=hashlib.sha256(content).hexdigest()).encode()
    pull(store, tmp_path, spec())
    store.objects[sidecar] = body.format(sum="0" * 64).encode()
    with pytest.raises(PullError, match=f"its sidecar {sidecar} says 0000"):
        pull(store, tmp_path, spec())


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"access_key_id": "wrong"}, "onnx/model-v2.onnx", "refused the key of data connection"),
        ({"bucket": "other"}, "onnx/model-v2.onnx", "no bucket 'other'"),
        ({"bucket": ""}, "onnx/model-v2.onnx", "names no bucket"),
        ({"endpoint_url": "http://127.0.0.1:9"}, "onnx/model-v2.onnx", "cannot be reached"),
        ({"endpoint_url": "rhods"}, "onnx/model-v2.onnx", "no http or https URL"),
        ({"type": "gcs"}, "onnx/model-v2.onnx", "type 'gcs' is not supported"),
        ({}, "onnx/absent.onnx", "no object at s3://rhods/onnx/absent.onnx"),
        ({}, "onnx/text.onnx", "not an ONNX model"),
        ({}, "onnx/half.onnx", "not an ONNX model"),
        ({}, "onnx/empty.onnx", "not an ONNX model"),
    ],
)
def test_every_fault_is_named(
    store: ObjectStore, tmp_path: Path, changes: dict[str, str], path: str, message: str
) -> None:
    content = models.digits().SerializeToString()
    store.objects["onnx/model-v2.onnx"] = content
    store.objects["onnx/half.onnx"] = content[: len(content) // 2]
    store.objects["onnx/text.onnx"] = b"<html>not a model</html>"
    store.objects["onnx/empty.onnx"] = b""
    with pytest.raises(PullError) as raised:
        pull(store, tmp_path, spec(path), **changes)
    assert message in raised.value.message
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_data_connection_is_named() -> None:
    with pytest.raises(PullError, match="no data connection 's3-creds'; there are: none"):
        connection_for(spec(), {})


def test_credentials_are_not_shown(store: ObjectStore) -> None:
    assert ACCESS_KEY not in repr(connection_for(spec(), config(store)))


def test_too_large_a_model_is_not_fetched(store: ObjectStore, tmp_path: Path) -> None:
    store.objects["onnx/model-v2.onnx"] = bytes(2 * MIB)
    with pytest.raises(PullError, match="at most 1048576 are allowed"):
        pull(store, tmp_path, spec(), max_bytes=MIB)
    assert not any(request.startswith("/rhods/onnx") for request in store.requests)


@pytest.mark.parametrize("location", ["../weights", "/etc/passwd", "a/../../weights"])
def test_external_data_outside_the_folder_is_refused(
    store: ObjectStore, tmp_path: Path, location: str
) -> None:
    (tmp_path / "weights").write_bytes(models.weights_bytes())
    store.objects["onnx/m/model.onnx"] = models.with_external_data(location).SerializeToString()
    with pytest.raises(PullError, match="outside the model's folder"):
        pull(store, tmp_path, spec("onnx/m"))


def test_external_data_inside_the_folder_is_taken(store: ObjectStore, tmp_path: Path) -> None:
    made = models.with_external_data("weights")
    store.objects["onnx/m/model.onnx"] = made.SerializeToString()
    with pytest.raises(PullError, match="not found"):
        pull(store, tmp_path, spec("onnx/m"))
    store.objects["onnx/m/weights"] = models.weights_bytes()
    assert pull(store, tmp_path, spec("onnx/m")) == "model.onnx"


def test_a_model_that_needs_too_much_memory_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    store.objects["onnx/model-v2.onnx"] = models.large(64).SerializeToString()
    with pytest.raises(PullError, match="out of memory") as raised:
        pull(store, tmp_path, spec(), memory=64 * MIB)
    assert raised.value.retry


@pytest.mark.parametrize(
    ("names", "path", "expected"),
    [
        (["a/m.onnx", "a/m.onnx.sha256"], "a/m.onnx", "m.onnx"),
        (["a/m.onnx"], "a", "m.onnx"),
        (["a/model.onnx", "a/other.onnx"], "a", "model.onnx"),
        (["a/1/model.onnx", "a/2/model.onnx", "a/10/model.onnx"], "a", "10/model.onnx"),
        (["a/b/model.onnx", "a/readme.txt"], "a", "b/model.onnx"),
    ],
)
def test_files_of_a_model_are_found(names: list[str], path: str, expected: str) -> None:
    assert choose_files(path, dict.fromkeys(names, 1), "rhods").main == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a/x.onnx", "a/y.onnx"], "several models"),
        (["a/readme.txt"], "no object"),
        (["a/../b/model.onnx"], "leaves the model's folder"),
        (["a/model.onnx", *(f"a/{number}.bin" for number in range(64))], "more than 64 files"),
        (["ab/model.onnx"], "no object"),
    ],
)
def test_unclear_folders_are_refused(names: list[str], message: str) -> None:
    with pytest.raises(PullError, match=message):
        choose_files("a", dict.fromkeys(names, 1), "rhods")


@pytest.mark.parametrize("name", ["..", "a/b", "", "-a", "A"])
def test_names_that_are_no_folders_are_refused(name: str) -> None:
    item = {"name": name, "revision": "r1", "storageKey": "k", "path": "p"}
    with pytest.raises(PullError):
        ModelSpec.from_json(item)


class FakeServer:
    """Notes what it is asked to load, and can be away or restarted."""

    def __init__(self) -> None:
        self.loaded: dict[str, int] = {}
        self.calls: list[str] = []
        self.identity = "first"
        self.away = False

    def instance(self) -> str:
        if self.away:
            raise ServerAwayError("away")
        return self.identity

    def load(self, name: str) -> None:
        self.calls.append(f"load {name}")
        self.loaded[name] = self.loaded.get(name, 0) + 1

    def unload(self, name: str) -> None:
        self.calls.append(f"unload {name}")
        self.loaded.pop(name, None)


class Running:
    """A synchroniser at work on a fake server."""

    def __init__(self, store: ObjectStore, root: Path) -> None:
        self.server = FakeServer()
        self.config = config(store)
        self.sync = Synchroniser(
            root,
            self.server,
            lambda: self.config,
            max_bytes=100 * MIB,
            memory_bytes=None,
            check=check_model,
        )
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.sync.run, args=(self.stop,), daemon=True)
        self.thread.start()

    def want(self, generation: str, *specs: ModelSpec, storage: str = "1") -> None:
        items = [
            {"name": s.name, "revision": s.revision, "storageKey": s.storage_key, "path": s.path}
            for s in specs
        ]
        self.sync.want(
            {
                "models.json": json.dumps(items),
                "generation": generation,
                "storageVersion": storage,
            }
        )

    def states(self, generation: str) -> dict[str, tuple[str, str]]:
        report = self.sync.report(generation, 20)
        assert report["settled"] == generation
        return {item["name"]: (item["state"], item["activeRevision"]) for item in report["models"]}


@pytest.fixture
def running(store: ObjectStore, tmp_path: Path) -> Iterator[Running]:
    store.objects["onnx/model-v2.onnx"] = models.digits().SerializeToString()
    store.objects["onnx/model-v3.onnx"] = models.digits(bias=3).SerializeToString()
    made = Running(store, tmp_path)
    yield made
    made.stop.set()
    made.want("the end")
    made.thread.join(10)


def eventually(check: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_models_are_loaded_replaced_and_unloaded(running: Running, tmp_path: Path) -> None:
    running.want("g1", spec())
    assert running.states("g1") == {"mnist": ("Loaded", "mnist__isvc-r1")}
    running.want("g2", spec("onnx/model-v3.onnx", revision="r2"))
    assert running.states("g2") == {"mnist": ("Loaded", "mnist__isvc-r2")}
    assert [p.name for p in (tmp_path / "mnist").iterdir() if p.is_dir()] == ["mnist__isvc-r2"]
    running.want("g3")
    assert running.states("g3") == {}
    assert running.server.calls == ["load mnist", "load mnist", "unload mnist"]
    assert not (tmp_path / "mnist").exists()


def test_a_failed_revision_keeps_the_old_one(running: Running, tmp_path: Path) -> None:
    running.want("g1", spec())
    running.states("g1")
    running.want("g2", spec("onnx/absent.onnx", revision="r2"))
    assert running.states("g2") == {"mnist": ("FailedToLoad", "mnist__isvc-r1")}
    manifest = json.loads((tmp_path / "mnist" / "model.json").read_text())
    assert manifest["revision"] == "mnist__isvc-r1"


def test_one_corrupt_model_does_not_hold_up_the_others(
    running: Running, store: ObjectStore
) -> None:
    store.objects["onnx/bad.onnx"] = b"not a model"
    good = [spec(name=f"m{number}") for number in range(9)]
    running.want("g1", *good, spec("onnx/bad.onnx", name="bad"))
    states = running.states("g1")
    assert states.pop("bad") == ("FailedToLoad", "")
    assert {state for state, _ in states.values()} == {"Loaded"}


def test_a_new_key_is_tried_at_once(running: Running, store: ObjectStore) -> None:
    good = running.config
    running.config = config(store, access_key_id="wrong")
    running.want("g1", spec())
    assert running.states("g1")["mnist"][0] == "FailedToLoad"
    running.config = good
    running.want("g1", spec(), storage="2")
    eventually(lambda: running.server.loaded.get("mnist") == 1, 2)


def test_a_restarted_server_gets_its_models_again(running: Running) -> None:
    running.want("g1", spec())
    running.states("g1")
    running.server.away = True
    eventually(lambda: not running.sync.ready())
    running.server.loaded.clear()
    running.server.identity, running.server.away = "second", False
    eventually(lambda: running.server.loaded == {"mnist": 1} and running.sync.ready())


def test_state_is_told_over_http(running: Running) -> None:
    with StateServer(("127.0.0.1", 0), running.sync) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{http.server_port}"
        running.want("g1", spec())
        with urlopen(f"{base}/state?generation=g1&timeout=20") as answer:
            report = json.load(answer)
        assert report["settled"] == "g1"
        assert report["models"][0]["revision"] == "mnist__isvc-r1"
        with urlopen(f"{base}/ready") as answer:
            assert answer.status == 200
        http.shutdown()
