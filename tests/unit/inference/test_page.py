"""The page's server: its policy, what it passes on, and what it says when that fails."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from starlette.testclient import TestClient

MakeClient = Callable[[Callable[[httpx.Request], httpx.Response]], TestClient]


def answer(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"digit": 7})


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


def test_page_is_served_and_may_change(page_client: MakeClient) -> None:
    response = page_client(answer).get("/")
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["Cache-Control"] == "no-cache"


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
