"""The report shows what the checks asked last, and no credential of it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest
import requests

from lab_driver.traffic import KEPT, Traffic, WatchedSession


class Teapot(http.server.BaseHTTPRequestHandler):
    """Answers 418."""

    def do_GET(self) -> None:
        self.send_response(418)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output readable."""


@pytest.fixture(name="address")
def server_address() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Teapot)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(timeout=5)


@pytest.fixture(name="traffic")
def fresh_traffic() -> Traffic:
    return Traffic()


@pytest.fixture(name="session")
def watched_session(traffic: Traffic) -> Iterator[WatchedSession]:
    with WatchedSession(traffic) as session:
        session.trust_env = False
        session.headers["Authorization"] = "Bearer hush-hush-hush"
        yield session


def test_an_answer_is_noted_without_its_query(
    session: WatchedSession, traffic: Traffic, address: str
) -> None:
    session.get(f"{address}/v2/models/mnist?token=hush-hush-hush", timeout=5)
    assert traffic().startswith(f"GET {address}/v2/models/mnist: 418 in ")
    assert "hush" not in traffic()


def test_a_request_without_an_answer_is_noted(session: WatchedSession, traffic: Traffic) -> None:
    with pytest.raises(requests.ConnectionError):
        session.get("http://127.0.0.1:9/", timeout=2)
    assert traffic().startswith("GET http://127.0.0.1:9/: ConnectionError in ")


def test_only_the_last_are_kept(session: WatchedSession, traffic: Traffic, address: str) -> None:
    for number in range(KEPT + 3):
        session.get(f"{address}/{number}", timeout=5)
    lines = traffic().splitlines()
    assert len(lines) == KEPT
    assert f"{address}/{KEPT + 2}: 418" in lines[-1]
