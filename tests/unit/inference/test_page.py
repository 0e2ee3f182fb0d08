"""The page's server: its policy, what it passes on, and what it says when that fails."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from starlette.testclient import TestClient

MakeClient = Callable[[Callable[[httpx.Request], httpx.Response]], TestClient]


ANSWER = {
    "digit": 7,
    "probabilities": [0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    "picture": [[0] * 28] * 28,
    "timings_ms": {"prepare": 1.5, "model": 2},
}


def answer(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ANSWER)


@pytest.mark.parametrize("path", ["/", "/page.js", "/api/function", "/healthz", "/nothing"])
def test_every_answer_has_the_policy(page_client: MakeClient, path: str) -> None:
    headers = page_client(answer).get(path).headers
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_drawing_goes_to_the_function_and_its_answer_back(page_client: MakeClient) -> None:
    asked: list[httpx.Request] = []

    def remember(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request)

    reply = page_client(remember).post("/api/predict", json={"image": "data:,"}).json()
    assert reply["digit"] == 7
    assert reply["waited_ms"] >= 0
    assert str(asked[0].url) == "http://mnist-function.seat-1.svc.cluster.local/predict"
    assert asked[0].content == b'{"image":"data:,"}'


def test_waking_the_function_says_how_long_it_took(page_client: MakeClient) -> None:
    reply = page_client(answer).get("/api/function").json()
    assert reply["ready"]
    assert reply["waited_ms"] >= 0


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (httpx.ConnectError("Name or service not known"), 503, "function_down"),
        (httpx.ReadTimeout("late"), 504, "function_timeout"),
        (httpx.Response(503, text="no pod became ready"), 503, "function_down"),
        (httpx.Response(200, text="<html>"), 503, "function_down"),
    ],
    ids=["no name", "late", "activator", "html"],
)
def test_fault_of_the_function_has_a_cause(
    page_client: MakeClient, fault: Exception | httpx.Response, status: int, code: str
) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        if isinstance(fault, Exception):
            raise fault
        return fault

    response = page_client(fail).post("/api/predict", json={"image": "data:,"})
    assert response.status_code == status
    error = response.json()["error"]
    assert error["code"] == code
    assert "mnist-function.seat-1" in error["cause"]
    assert error["remedy"]


@pytest.mark.parametrize(
    "part",
    [
        {"digit": "7"},
        {"digit": 10},
        {"digit": None},
        {"probabilities": None},
        {"probabilities": [0.1] * 9},
        {"probabilities": ["0.1"] * 10},
        {"picture": [[0] * 28] * 27},
        {"picture": [[0] * 27] * 28},
        {"picture": [None] * 28},
        {"timings_ms": {"prepare": 1}},
        {"timings_ms": None},
    ],
    ids=str,
)
def test_answer_that_cannot_be_shown_is_refused_with_a_cause(
    page_client: MakeClient, part: dict[str, object]
) -> None:
    client = page_client(lambda _request: httpx.Response(200, json=ANSWER | part))
    response = client.post("/api/predict", json={"image": "data:,"})
    assert response.status_code == 502
    error = response.json()["error"]
    assert error["code"] == "function_reply_unknown"
    assert "mnist-function.seat-1" in error["cause"]


def test_failure_that_the_function_names_is_passed_on(page_client: MakeClient) -> None:
    named = {"code": "token_refused", "message": "No.", "cause": "401.", "remedy": "Renew it."}
    client = page_client(lambda _request: httpx.Response(502, json={"error": named}))
    response = client.post("/api/predict", json={"image": "data:,"})
    assert response.status_code == 502
    assert response.json()["error"] == named


def test_too_large_request_is_refused_unsent(page_client: MakeClient) -> None:
    def never(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("the function was asked")

    response = page_client(never).post("/api/predict", content=b"x" * (2 * 1024 * 1024 + 1))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "drawing_refused"


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/page.js", "text/javascript")], ids=["page", "script"]
)
def test_page_is_served_and_may_change(page_client: MakeClient, path: str, kind: str) -> None:
    response = page_client(answer).get(path)
    assert response.headers["Content-Type"].startswith(kind)
    assert response.headers["Cache-Control"] == "no-cache"


def test_what_is_asked_of_the_function_is_not_kept(page_client: MakeClient) -> None:
    assert page_client(answer).get("/api/function").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret"])
def test_no_file_outside_is_served(
    page_client: MakeClient, static_directory: object, path: str
) -> None:
    from pathlib import Path

    secret = Path(str(static_directory)).parent / "secret"
    secret.write_text("hidden", encoding="ascii")
    response = page_client(answer).get(path)
    assert response.status_code == 404
    assert "hidden" not in response.text
