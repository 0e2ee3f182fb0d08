"""What answers as a model server's puller may be anybody of the project, and is believed little."""

from __future__ import annotations

import contextlib
import itertools
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest

from controllers.model_serving import pods

POD = {"metadata": {"name": "server-1"}, "status": {"podIP": "127.0.0.1", "phase": "Running"}}
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
GOOD = {
    "generation": "7",
    "settled": "7",
    "models": [
        {
            "name": "mnist",
            "revision": "mnist__isvc-1",
            "state": "Loaded",
            "activeRevision": "mnist__isvc-1",
            "servedAs": "mnist__isvc-1",
            "message": "",
            "time": "2026-01-01T00:00:00Z",
        }
    ],
}
Serve = Callable[[Iterable[bytes]], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Has the pod answer with these parts, a tenth of a second between them where it drips."""
    parts: list[Iterable[bytes]] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            with contextlib.suppress(OSError):
                for part in parts[0]:
                    self.request.sendall(part)
                    if len(part) == 1:
                        time.sleep(0.1)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setattr(pods, "PULLER_PORT", server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield parts.append
        server.shutdown()


def test_a_report_is_read(serve: Serve) -> None:
    serve([HEAD, json.dumps(GOOD).encode()])
    report = pods.ask_pods([POD], "7", 0.1)["server-1"]
    assert (report.generation, report.settled) == ("7", "7")
    assert report.models is not None
    assert report.models["mnist"]["state"] == "Loaded"


@pytest.mark.parametrize(
    "parts",
    [
        [HEAD, *[b"x"] * 100],
        [*[b"H"] * 100],
        itertools.chain([HEAD], itertools.repeat(b"[" * 65536)),
        [HEAD, b"[" * 100_000],
        [HEAD, b"[]"],
        [HEAD, b"1"],
        [HEAD, json.dumps({**GOOD, "models": [{"name": "mnist"}]}).encode()],
        [HEAD, json.dumps({**GOOD, "models": ["mnist"]}).encode()],
        [HEAD, json.dumps({**GOOD, "models": None}).encode()],
        [HEAD, b'{"generation": NaN}'],
        [b"HTTP/1.1 500 No\r\n\r\n", json.dumps(GOOD).encode()],
        [],
    ],
    ids=[
        "a body that drips", "a head that drips", "no end", "deep", "a list", "a number",
        "without a state", "texts", "nothing", "no number", "a failure", "silence",
    ],
)  # fmt: skip
def test_what_is_no_report_says_nothing_and_soon(serve: Serve, parts: Iterable[bytes]) -> None:
    serve(parts)
    begun = time.monotonic()
    assert pods.ask_pods([POD], "7", 0.0) == {"server-1": pods.PodReport("server-1")}
    assert time.monotonic() - begun < 4


def test_what_a_report_says_has_a_bound(serve: Serve) -> None:
    model = {**GOOD["models"][0], "message": "x" * 100_000}  # type: ignore[dict-item]
    serve([HEAD, json.dumps({**GOOD, "models": [model]}).encode()])
    report = pods.ask_pods([POD], "7", 0.1)["server-1"]
    assert report.models is not None
    assert len(report.models["mnist"]["message"]) == 4096
