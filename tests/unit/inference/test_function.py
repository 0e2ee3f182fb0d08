"""The function: from a drawing to probabilities, and every way in which that fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from mnist_webapp import function
from mnist_webapp.settings import FunctionSettings


def predict(client: TestClient, image: object) -> httpx.Response:
    return client.post("/predict", json={"image": image})


def error_of(response: httpx.Response) -> dict[str, str]:
    error: dict[str, str] = response.json()["error"]
    assert error["message"]
    assert error["cause"]
    return error


def test_drawing_becomes_ten_probabilities(function_client: TestClient, drawing: str) -> None:
    answer = predict(function_client, drawing).json()
    assert answer["digit"] == 7
    assert len(answer["probabilities"]) == 10
    assert answer["model"]["input"] == "input_1"
    assert answer["model"]["revision"].startswith("mnist__isvc-")


def test_answer_shows_the_picture_that_was_sent(
    function_client: TestClient, model: Any, drawing: str
) -> None:
    picture = predict(function_client, drawing).json()["picture"]
    assert [len(row) for row in picture] == [28] * 28
    assert max(map(max, picture)) == 255
    data = model.sent()["inputs"][0]["data"]
    assert [value for row in picture for value in row] == [round(value * 255) for value in data]


def test_request_has_the_models_input(
    function_client: TestClient, model: Any, drawing: str
) -> None:
    predict(function_client, drawing)
    (tensor,) = model.sent()["inputs"]
    assert (tensor["name"], tensor["datatype"], tensor["shape"]) == (
        "input_1",
        "FP32",
        [1, 28, 28, 1],
    )
    assert str(model.requests[-1].url) == (
        "https://modelmesh-serving.seat-1.svc:8443/v2/models/mnist/infer"
    )


def test_metadata_is_asked_for_once(function_client: TestClient, model: Any, drawing: str) -> None:
    for _ in range(3):
        predict(function_client, drawing)
    assert [request.method for request in model.requests].count("GET") == 1


def test_replaced_token_is_used_at_once(
    function_client: TestClient, model: Any, drawing: str, token_file: Path
) -> None:
    predict(function_client, drawing)
    token_file.write_text("second-token", encoding="ascii")
    predict(function_client, drawing)
    assert model.requests[0].headers["Authorization"] == "Bearer first-token"
    assert model.requests[-1].headers["Authorization"] == "Bearer second-token"


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [{"name": "inputs", "datatype": "FP32", "shape": [-1, 28, 28, 1]}],
        [{"name": "input_1", "datatype": "FP64", "shape": [-1, 28, 28, 1]}],
        [{"name": "input_1", "datatype": "FP32", "shape": [-1, 784]}],
        [{"name": "input_1", "datatype": "FP32", "shape": [-1, 1, 28, 28]}],
        [{"name": "input_1", "datatype": "FP32", "shape": [8, 28, 28, 1]}],
        [{"name": "input_1", "datatype": "FP32", "shape": []}],
        [{"name": "input_1"}],
        [{"name": "input_1", "datatype": "FP32", "shape": [-1, 28, 28, 1]}] * 2,
    ],
    ids=["none", "name", "type", "flat", "channels first", "batch", "scalar", "half", "two"],
)
def test_unknown_input_is_refused(
    function_client: TestClient, model: Any, drawing: str, inputs: list[Any]
) -> None:
    model.metadata = {"name": "mnist", "inputs": inputs}
    response = predict(function_client, drawing)
    assert response.status_code == 502
    assert error_of(response)["code"] == "model_input_unknown"
    assert {request.method for request in model.requests} == {"GET"}


@pytest.mark.parametrize("batch", [-1, 1])
def test_known_input_is_accepted(
    function_client: TestClient, model: Any, drawing: str, batch: int
) -> None:
    model.metadata["inputs"][0]["shape"] = [batch, 28, 28, 1]
    assert predict(function_client, drawing).status_code == 200


@pytest.mark.parametrize(
    ("reply", "code", "cause"),
    [
        (httpx.Response(401), "token_refused", "401"),
        (httpx.Response(403), "token_forbidden", "get services"),
        (httpx.Response(404, json={"error": "no model"}), "model_not_deployed", "no model"),
        (httpx.Response(500, json={"error": "out of memory"}), "model_failed", "out of memory"),
        (httpx.Response(200, text="<html>"), "model_reply_unknown", "not JSON"),
        (httpx.Response(200, json=[]), "model_reply_unknown", "not a JSON object"),
        (httpx.ConnectError("Connection refused"), "model_server_down", "Connection refused"),
        (httpx.ReadTimeout("late"), "model_timeout", "2 s"),
    ],
    ids=["401", "403", "404", "500", "html", "list", "refused", "late"],
)
def test_failure_of_the_model_has_a_cause(
    function_client: TestClient, model: Any, drawing: str, reply: Any, code: str, cause: str
) -> None:
    model.reply = reply
    response = predict(function_client, drawing)
    assert response.status_code >= 500
    error = error_of(response)
    assert error["code"] == code
    assert cause in error["cause"]
    assert error["remedy"]


@pytest.mark.parametrize(
    ("model_url", "right", "remedy"),
    [
        ("https://modelmesh-serving.seat-1.svc:8443", "get services", "ClusterRole view"),
        (
            "https://mnist-predictor.seat-1.svc:8443",
            "get the InferenceService mnist",
            "Role mnist-view-role",
        ),
    ],
    ids=["modelmesh", "raw"],
)
def test_missing_right_is_the_one_that_the_proxy_asks_for(
    function_settings: FunctionSettings, model: Any, drawing: str, model_url: str, right: str,
    remedy: str,
) -> None:  # fmt: skip
    model.reply = httpx.Response(403)
    settings = replace(function_settings, model_url=model_url)
    with TestClient(function.create_app(settings, httpx.MockTransport(model))) as client:
        error = error_of(predict(client, drawing))
    assert error["code"] == "token_forbidden"
    assert right in error["cause"]
    assert remedy in error["remedy"]


def test_function_works_again_after_a_failure(
    function_client: TestClient, model: Any, drawing: str
) -> None:
    model.reply = httpx.Response(404)
    assert predict(function_client, drawing).status_code == 503
    model.reply = None
    assert predict(function_client, drawing).json()["digit"] == 7


@pytest.mark.parametrize("content", [None, "", "  \n"], ids=["absent", "empty", "blank"])
def test_missing_token_is_named(
    function_client: TestClient, model: Any, drawing: str, token_file: Path, content: str | None
) -> None:
    token_file.unlink()
    if content is not None:
        token_file.write_text(content, encoding="ascii")
    response = predict(function_client, drawing)
    assert response.status_code == 503
    assert error_of(response)["code"] == "token_missing"
    assert not model.requests


def test_missing_authority_is_named(function_settings: FunctionSettings, drawing: str) -> None:
    with TestClient(function.create_app(function_settings)) as client:
        assert error_of(predict(client, drawing))["code"] == "ca_missing"


@pytest.mark.parametrize(
    "image",
    [
        None,
        7,
        "",
        "hello",
        "data:image/png;base64,AAAA",
        "data:image/png;base64," + "A" * 1_500_000,
    ],
    ids=["none", "number", "empty", "text", "no picture", "too large"],
)
def test_what_is_no_drawing_is_refused(
    function_client: TestClient, model: Any, image: object
) -> None:
    response = predict(function_client, image)
    assert response.status_code == 422
    assert error_of(response)["code"] == "drawing_refused"
    assert not model.requests


def test_empty_canvas_is_refused(function_client: TestClient, blank: str) -> None:
    response = predict(function_client, blank)
    assert response.status_code == 422
    assert "empty" in error_of(response)["cause"]


def test_request_that_is_no_json_is_refused(function_client: TestClient) -> None:
    response = function_client.post("/predict", content=b"{")
    assert response.status_code == 422
    assert error_of(response)["code"] == "drawing_refused"


def test_first_answer_of_an_instance_says_so(function_client: TestClient, drawing: str) -> None:
    assert predict(function_client, drawing).json()["first_of_this_instance"]
    assert not predict(function_client, drawing).json()["first_of_this_instance"]


def test_function_is_healthy_without_a_model(function_client: TestClient, model: Any) -> None:
    assert function_client.get("/healthz").status_code == 200
    assert not model.requests
