"""Puller and server together: a model that is overwritten under load is replaced unnoticed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serving_models as models
from serving_requests import image_request

from lab_ground.waiting import wait_for
from model_puller.changes import Changes
from model_puller.check import check_model, start_trials
from model_puller.server_client import ServerClient
from model_puller.sync import Synchroniser

from .object_store import ObjectStore
from .orders import config, spec
from .running import RunningServer

KEY = "onnx/model-v2.onnx"
CLIENTS = 4


class Serving:
    """A model server, and what keeps its models as the bucket has them."""

    def __init__(self, store: ObjectStore, root: Path) -> None:
        self.server = RunningServer(root / "models", root / "log")
        self.server.models.mkdir()
        self.sync = Synchroniser(
            self.server.models,
            ServerClient(self.server.admin),
            lambda: config(store),
            max_bytes=1 << 20,
            memory_bytes=None,
            check=check_model,
        )
        self.changes = Changes(self.sync, lambda: config(store), every=0.2)
        self.stop = threading.Event()
        self.threads = [
            threading.Thread(target=work, args=(self.stop,), daemon=True)
            for work in (self.sync.run, self.changes.run)
        ]

    def want_the_model(self) -> None:
        item = (
            f'[{{"name": "mnist", "revision": "{spec().revision}", '
            f'"storageKey": "s3-creds", "path": "{KEY}"}}]'
        )
        self.sync.want({"models.json": item, "generation": "g1", "storageVersion": "1"})
        assert self.sync.report("g1", 30)["settled"] == "g1"


@pytest.fixture
def serving(store: ObjectStore, tmp_path: Path) -> Iterator[Serving]:
    start_trials()
    store.objects[KEY] = models.digits().SerializeToString()
    made = Serving(store, tmp_path)
    made.server.start()
    for thread in made.threads:
        thread.start()
    made.want_the_model()
    yield made
    made.stop.set()
    for thread in made.threads:
        thread.join(10)
    made.server.stop()


def test_no_request_is_lost_while_a_model_is_trained_again_and_again(
    serving: Serving, store: ObjectStore
) -> None:
    seen: set[tuple[int, str, float]] = set()
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            status, answer = serving.server.infer("mnist", image_request())
            value = answer["outputs"][0]["data"][0] if status == 200 else -1.0
            seen.add((status, str(answer.get("model_name")), value))

    def is_served(bias: float) -> bool:
        return any(value == bias for _, _, value in set(seen))

    clients = [threading.Thread(target=ask, daemon=True) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    for bias in (1.0, 2.0, 3.0):
        store.objects[KEY] = models.digits(bias).SerializeToString()
        wait_for(lambda bias=bias: is_served(bias), 15, f"{bias} is served", 0.02)
    enough.set()
    for client in clients:
        client.join(30)
    assert {status for status, _, _ in seen} == {200}
    assert sorted(value for _, _, value in seen) == [0.0, 1.0, 2.0, 3.0]
    assert len({name for _, name, _ in seen}) == 4, "each content has a name of its own"
