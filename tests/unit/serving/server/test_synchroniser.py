"""The synchroniser: what is served follows what is wanted, and what lies in the bucket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
import serving_models as models

from lab_ground.waiting import wait_for
from model_puller.changes import Changes
from model_puller.check import check_model, start_trials
from model_puller.model import ModelSpec
from model_puller.server_client import ServerAwayError
from model_puller.state_server import StateServer
from model_puller.sync import Synchroniser

from .object_store import ObjectStore
from .orders import config, spec

MIB = 1024 * 1024


@pytest.fixture(scope="module", autouse=True)
def _trials() -> None:
    start_trials()


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
        self.changes = Changes(self.sync, lambda: self.config)

    def model(self) -> dict[str, str]:
        """What is reported of the one model."""
        (model,) = self.sync.report()["models"]
        return dict(model)

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


def test_models_are_loaded_replaced_and_unloaded(running: Running, tmp_path: Path) -> None:
    running.want("g1", spec())
    assert running.states("g1") == {"mnist": ("Loaded", "mnist__isvc-r1")}
    running.want("g2", spec("onnx/model-v3.onnx", revision="r2"))
    assert running.states("g2") == {"mnist": ("Loaded", "mnist__isvc-r2")}
    served = running.model()["servedAs"]
    assert [p.name for p in (tmp_path / "mnist").iterdir() if p.is_dir()] == [served]
    running.want("g3")
    assert running.states("g3") == {}
    assert running.server.calls == ["load mnist", "load mnist", "unload mnist"]
    assert not (tmp_path / "mnist").exists()


def test_a_failed_revision_keeps_the_old_one(running: Running, tmp_path: Path) -> None:
    running.want("g1", spec())
    running.states("g1")
    served = running.model()["servedAs"]
    running.want("g2", spec("onnx/absent.onnx", revision="r2"))
    assert running.states("g2") == {"mnist": ("FailedToLoad", "mnist__isvc-r1")}
    manifest = json.loads((tmp_path / "mnist" / "model.json").read_text())
    assert manifest["revision"] == served


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
    wait_for(
        lambda: running.server.loaded.get("mnist") == 1,
        2,
        "the model server has the model again",
        0.02,
    )


def test_a_restarted_server_gets_its_models_again(running: Running) -> None:
    running.want("g1", spec())
    running.states("g1")
    running.server.away = True
    wait_for(lambda: not running.sync.ready(), 10, "a model is not loaded", 0.02)
    running.server.loaded.clear()
    running.server.identity, running.server.away = "second", False
    wait_for(
        lambda: running.server.loaded == {"mnist": 1} and running.sync.ready(),
        10,
        "the model is loaded and all is ready",
        0.02,
    )


def test_an_overwritten_model_is_served(running: Running, store: ObjectStore) -> None:
    running.want("g1", spec())
    running.states("g1")
    before = running.model()
    running.changes.look()
    store.objects["onnx/model-v2.json"] = b"{}"
    running.changes.look()
    store.objects["onnx/model-v2.onnx"] = models.digits(bias=3).SerializeToString()
    running.changes.look()
    wait_for(
        lambda: running.server.loaded == {"mnist": 2}, 10, "the second revision is loaded", 0.02
    )
    wait_for(
        lambda: running.model()["servedAs"] != before["servedAs"],
        10,
        "the model is served under another name",
        0.02,
    )
    after = running.model()
    assert (after["state"], after["activeRevision"]) == ("Loaded", before["activeRevision"])
    assert running.sync.ready()
    running.changes.look()
    assert running.sync.at_rest()
    assert running.server.loaded == {"mnist": 2}


def test_a_bad_overwrite_leaves_what_is_loaded_and_says_so(
    running: Running, store: ObjectStore, tmp_path: Path
) -> None:
    good = store.objects["onnx/model-v2.onnx"]
    running.want("g1", spec())
    running.states("g1")
    served = running.model()["servedAs"]
    store.objects["onnx/model-v2.onnx"] = b"not a model"
    running.changes.look()
    wait_for(lambda: running.model()["message"] != "", 10, "the model's fault is told", 0.02)
    found = running.model()
    assert (found["state"], found["servedAs"]) == ("Loaded", served)
    assert "was overwritten, what was loaded stays: not an ONNX model" in found["message"]
    assert json.loads((tmp_path / "mnist" / "model.json").read_text())["revision"] == served
    running.changes.look()
    assert running.server.loaded == {"mnist": 1}
    store.objects["onnx/model-v2.onnx"] = good
    running.changes.look()
    wait_for(lambda: running.model()["message"] == "", 10, "the model's fault has gone", 0.02)
    assert running.model()["servedAs"] == served


def test_a_model_that_is_gone_or_out_of_sight_stays(running: Running, store: ObjectStore) -> None:
    running.want("g1", spec())
    running.states("g1")
    del store.objects["onnx/model-v2.onnx"]
    running.changes.look()
    running.config = config(store, endpoint_url="http://127.0.0.1:9")
    running.changes.look()
    assert (running.model()["state"], running.model()["message"]) == ("Loaded", "")
    assert running.server.calls == ["load mnist"]


def test_a_corrupt_model_that_is_mended_is_served(running: Running, store: ObjectStore) -> None:
    good = store.objects["onnx/model-v2.onnx"]
    store.objects["onnx/model-v2.onnx"] = b"not a model"
    running.want("g1", spec())
    assert running.states("g1")["mnist"][0] == "FailedToLoad"
    store.objects["onnx/model-v2.onnx"] = good
    running.changes.look()
    wait_for(lambda: running.model()["state"] == "Loaded", 10, "the model is loaded", 0.02)


def test_state_is_told_over_http(running: Running) -> None:
    with StateServer(("127.0.0.1", 0), running.sync) as http:
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        base = f"http://127.0.0.1:{http.server_port}"
        running.want("g1", spec())
        with urlopen(f"{base}/state?generation=g1&timeout=20") as answer:
            report = json.load(answer)
        assert report["settled"] == "g1"
        assert report["models"][0]["revision"] == "mnist__isvc-r1"
        with urlopen(f"{base}/ready") as answer:
            assert answer.status == 200
        http.shutdown()
