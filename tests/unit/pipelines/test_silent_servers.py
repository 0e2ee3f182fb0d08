"""A server that says nothing, or a byte now and then, keeps nobody but its own project waiting."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from controllers.data_science_pipelines import looking, specification, status
from controllers.data_science_pipelines.asking import MOST, Asker, SilentError
from lab_ground.kubernetes import client as kubernetes


class Silent:
    """Takes connections; drips a byte each tenth of a second, or says nothing.

    The first four are the head of a packet of MariaDB, of 16 MiB; for HTTP they are a long line.
    """

    def __init__(self, drip: bytes) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._drip = drip
        self._over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                threading.Thread(target=self._keep, args=(connection,), daemon=True).start()

    def _keep(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            for number in itertools.count():
                if self._over.wait(0.1):
                    return
                connection.sendall(self._drip[number : number + 1] or self._drip[-1:])

    def close(self) -> None:
        self._over.set()
        self._server.close()


@pytest.fixture(params=[b"", b"\xff\xff\xff\x00x"], ids=["silent", "dripping"])
def server(request: pytest.FixtureRequest) -> Iterator[Silent]:
    made = Silent(request.param)
    yield made
    made.close()


@pytest.fixture
def asker(monkeypatch: pytest.MonkeyPatch) -> Asker:
    made = Asker(1.0)
    monkeypatch.setattr(looking, "_asker", made)
    return made


def application(name: str, port: int) -> specification.Application:
    """Its database and its store are both at a port of the test's."""
    keys = {"secretName": "keys", "accessKey": "a", "secretKey": "s"}
    store = {"host": "127.0.0.1", "port": str(port), "scheme": "http", "bucket": "b"}
    database = {"host": "127.0.0.1", "port": str(port), "username": "u", "pipelineDBName": "d"}
    return specification.read(
        {
            "apiVersion": "datasciencepipelinesapplications.opendatahub.io/v1",
            "kind": "DataSciencePipelinesApplication",
            "metadata": {"name": name, "namespace": "mnist", "generation": 1},
            "spec": {
                "objectStorage": {"externalStorage": {**store, "s3CredentialsSecret": keys}},
                "database": {
                    "externalDB": {**database, "passwordSecret": {"name": "keys", "key": "p"}}
                },
            },
        }
    )


def test_a_look_ends_whatever_the_servers_do(
    server: Silent, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nothing:
        def get(self, *_: Any) -> None: ...
        def list_objects(self, *_: Any, **__: Any) -> list[Any]:
            return []

    monkeypatch.setattr(looking, "keys_of", lambda _app: ("a", "s"))
    monkeypatch.setattr(looking, "read_secret", lambda *_: {"p": "x"})
    kubernetes.set_client(Nothing())  # type: ignore[arg-type]
    try:
        found = status.Findings()
        begun = time.monotonic()
        looking.look(application("first", server.port), found)
        assert time.monotonic() - begun < 8
        assert found.store == "the object store does not answer within 1 s"
        assert found.database == "the database does not answer within 1 s"
        begun = time.monotonic()
        looking.look(application("first", server.port), status.Findings())
        assert time.monotonic() - begun < 1.5, "it was waited for again"
    finally:
        kubernetes.set_client(None)


def test_an_answer_that_came_late_counts_at_the_next_pass() -> None:
    asker, come, ended = Asker(0.05), threading.Event(), threading.Event()

    def late() -> bool:
        heard = come.wait(5)
        ended.set()
        return heard

    with pytest.raises(SilentError, match=r"within 0\.05 s"):
        asker.ask(("p", "a"), late)
    come.set()
    assert ended.wait(5)
    time.sleep(0.2)
    assert asker.ask(("p", "a"), lambda: "another") is True
    # It was slow, so the next one has to be there at once, or it is heard later.
    with pytest.raises(SilentError):
        asker.ask(("p", "a"), lambda: time.sleep(0.2))


def test_one_project_has_only_so_many_under_way() -> None:
    asker, come = Asker(0.01), threading.Event()
    for number in range(MOST):
        with pytest.raises(SilentError, match="does not answer"):
            asker.ask(("p", str(number)), lambda: come.wait(5))
    with pytest.raises(SilentError, match="is not asked while 4 others"):
        asker.ask(("p", "more"), lambda: None)
    assert asker.ask(("q", "more"), lambda: "heard") == "heard"
    come.set()


def test_what_a_question_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        Asker().ask(("p", "a"), lambda: 1 // 0)
