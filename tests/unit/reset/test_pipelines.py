"""The pipeline server's part of a reset, against a server that answers as upstream's does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from lab_reset.pipelines import PipelineServer

RUN = "/apis/v2beta1/runs/r"


class Answers(BaseHTTPRequestHandler):
    """Notes what is asked; what is refused stands in ``refusals``."""

    asked: list[str]
    refusals: dict[str, int]

    def _answer(self) -> None:
        call = f"{self.command} {self.path}"
        self.asked.append(call)
        body = json.dumps({"message": "words"}).encode()
        self.send_response(self.refusals.get(call, 200))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_DELETE = _answer  # noqa: N815 - the names that the library calls

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def answers() -> type[Answers]:
    return type("Told", (Answers,), {"asked": [], "refusals": {}})


@pytest.fixture
def server(answers: type[Answers]) -> Iterator[PipelineServer]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    yield PipelineServer(f"http://127.0.0.1:{listening.server_port}", "token", None)
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_run_that_ended_or_stops_since_it_was_listed_is_deleted_all_the_same(
    server: PipelineServer, answers: type[Answers], status: int
) -> None:
    answers.refusals[f"POST {RUN}:terminate"] = status
    server.delete([("runs", "r", "training", "RUNNING")])
    assert answers.asked == [f"POST {RUN}:terminate", f"DELETE {RUN}"]


def test_any_other_refusal_ends_the_reset(server: PipelineServer, answers: type[Answers]) -> None:
    answers.refusals[f"POST {RUN}:terminate"] = 403
    with pytest.raises(requests.HTTPError):
        server.delete([("runs", "r", "training", "RUNNING")])
    assert answers.asked == [f"POST {RUN}:terminate"]


def test_an_ended_run_is_not_asked_to_stop(server: PipelineServer, answers: type[Answers]) -> None:
    server.delete([("runs", "r", "training", "SUCCEEDED")])
    assert answers.asked == [f"DELETE {RUN}"]
