"""What the model server answers, to good requests and to bad ones."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any

import numpy as np
import onnxruntime
import pytest
from serving_requests import image_request

from .running import RunningServer, call

ENDPOINT = "/v2/models/mnist/infer"


def changed(**fields: Any) -> dict[str, Any]:
    """The good request with fields of its one input changed; None removes one."""
    request = image_request()
    tensor = request["inputs"][0]
    for key, value in fields.items():
        if value is None:
            del tensor[key]
        else:
            tensor[key] = value
    return request


BAD_REQUESTS = {
    "not JSON": (b"{", "malformed JSON"),
    "empty body": (b"", "malformed JSON"),
    "not UTF-8": (b'{"inputs": "\xff"}', "malformed JSON"),
    "a list": (b"[]", "must be a JSON object"),
    "no inputs": (b"{}", "lacks 'inputs'"),
    "inputs not a list": (b'{"inputs": {}}', "lacks 'inputs'"),
    "input not an object": (b'{"inputs": [1]}', "must be an object"),
    "no name": (changed(name=None), "lacks 'name'"),
    "no shape": (changed(shape=None), "lacks 'shape'"),
    "no datatype": (changed(datatype=None), "lacks 'datatype'"),
    "no data": (changed(data=None), "lacks 'data'"),
    "wrong name": (changed(name="inputs"), "no input 'inputs'; it has ['input_1']"),
    "name not text": (changed(name=["input_1"]), "no input"),
    "wrong rank": (changed(shape=[784]), "takes shape [-1, 28, 28, 1]"),
    "wrong shape": (changed(shape=[1, 28, 28, 3]), "takes shape"),
    "negative shape": (changed(shape=[-1, 28, 28, 1]), "takes shape"),
    "fractional shape": (changed(shape=[1.0, 28, 28, 1]), "takes shape"),
    "huge shape": (changed(shape=[10**12, 28, 28, 1]), "values, its shape needs"),
    "shape not a list": (changed(shape="1"), "must be a list"),
    "wrong datatype": (changed(datatype="INT64"), "takes datatype FP32, not INT64"),
    "unknown datatype": (changed(datatype="FLOAT"), "takes datatype FP32, not FLOAT"),
    "datatype not text": (changed(datatype={}), "takes datatype FP32"),
    "too few values": (changed(data=[0.0] * 783), "has 783 values"),
    "too many values": (changed(data=[0.0] * 785), "has 785 values"),
    "data not a list": (changed(data=0.0), "must be a list"),
    "data of text": (changed(data=["0"] * 784), "must be numbers"),
    "data of null": (changed(data=[None] * 784), "must be numbers"),
    "ragged data": (changed(data=[[0.0], [0.0, 1.0]]), "not a regular array"),
    "NaN": (json.dumps(changed(data=[float("nan")] * 784)).encode(), "malformed JSON"),
    "overflow": (changed(data=[1e300] * 784), "not finite"),
    "given twice": ({"inputs": image_request()["inputs"] * 2}, "given twice"),
    "unknown output": ({**image_request(), "outputs": [{"name": "x"}]}, "no output 'x'"),
    "outputs not a list": ({**image_request(), "outputs": 3}, "'outputs' must be"),
    "binary that is not there": (
        changed(parameters={"binary_data_size": 3136}),
        "binary_data_size",
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_request_is_refused_with_the_reason(server: RunningServer, name: str) -> None:
    body, message = BAD_REQUESTS[name]
    status, answer = server.infer("mnist", body)
    assert (status, message in answer["error"]) == (400, True), answer
    assert server.infer("mnist", image_request())[0] == 200


def test_prediction_equals_onnx_runtimes(server: RunningServer) -> None:
    picture = np.random.default_rng(1).random((3, 28, 28, 1), dtype=np.float32)
    request = image_request(count=3)
    request["inputs"][0]["data"] = picture.tolist()
    request["id"] = "seven"
    status, answer = server.infer("mnist", request)
    session = onnxruntime.InferenceSession(str(server.models / "mnist" / "r1" / "model.onnx"))
    expected = session.run(None, {"input_1": picture})[0]
    output = answer["outputs"][0]
    assert status == 200
    assert answer["model_name"] == "mnist__isvc-0123456789"
    assert (answer["model_version"], answer["id"]) == ("1", "seven")
    assert (output["name"], output["datatype"], output["shape"]) == ("dense", "FP32", [3, 10])
    assert np.allclose(np.array(output["data"]).reshape(3, 10), expected, atol=1e-5)


def test_binary_tensors_go_both_ways(server: RunningServer) -> None:
    picture = np.random.default_rng(2).random((1, 28, 28, 1), dtype=np.float32)
    request = image_request()
    del request["inputs"][0]["data"]
    request["inputs"][0]["parameters"] = {"binary_data_size": picture.nbytes}
    request["parameters"] = {"binary_data_output": True}
    text = json.dumps(request).encode()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    status, raw = call(server.rest, "POST", ENDPOINT, text + picture.tobytes(), **headers)
    plain = image_request()
    plain["inputs"][0]["data"] = picture.ravel().tolist()
    expected = server.infer("mnist", plain)[1]["outputs"][0]["data"]
    assert status == 200
    assert np.allclose(np.frombuffer(raw[-40:], dtype="<f4"), expected, atol=1e-6)


def test_binary_nan_is_refused(server: RunningServer) -> None:
    request = image_request()
    del request["inputs"][0]["data"]
    request["inputs"][0]["parameters"] = {"binary_data_size": 3136}
    text = json.dumps(request).encode()
    body = text + np.full(784, np.nan, dtype=np.float32).tobytes()
    headers = {"Inference-Header-Content-Length": str(len(text))}
    status, answer = call(server.rest, "POST", ENDPOINT, body, **headers)
    assert (status, answer["error"]) == (400, "input 'input_1' holds a value that is not finite")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v2/models/mnist", 200),
        ("GET", "/v2/models/mnist/versions/1", 200),
        ("GET", "/v2/models/mnist/ready", 200),
        ("GET", "/v2/models/mnist/versions/1/ready", 200),
        ("GET", "/v2/health/ready", 200),
        ("GET", "/v2", 200),
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("GET", "/v2/models/mnist/versions/2", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("POST", "/v2/models/mnist/versions/2/infer", 404),
        ("POST", "/v2/models/mnist%2F..%2Fmnist/infer", 404),
        ("GET", ENDPOINT, 405),
        ("PUT", ENDPOINT, 405),
        ("DELETE", "/v2/models/mnist", 405),
        ("POST", "/v2/repository/index", 404),
        ("POST", "/v2/repository/models/mnist/unload", 404),
        ("POST", "/v2/repository/models/mnist/load", 404),
        ("GET", "/instance", 404),
        ("GET", "/nowhere", 404),
    ],
)
def test_paths_and_methods(server: RunningServer, method: str, path: str, expected: int) -> None:
    body = image_request() if method == "POST" else None
    assert call(server.rest, method, path, body)[0] == expected


def test_metadata_describes_the_model(server: RunningServer) -> None:
    answer = server.get("/v2/models/mnist")[1]
    assert answer["name"] == "mnist__isvc-0123456789"
    assert answer["inputs"] == [{"name": "input_1", "datatype": "FP32", "shape": [-1, 28, 28, 1]}]


def test_ten_mebibytes_are_too_many(server: RunningServer) -> None:
    status, answer = call(server.rest, "POST", ENDPOINT, b"[" + b"0," * (5 * 1024 * 1024) + b"0]")
    assert (status, "larger than" in answer["error"]) == (413, True)


def test_unannounced_excess_is_cut_off(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.rest), timeout=20) as connection:
        head = f"POST {ENDPOINT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        try:
            for _ in range(12):
                connection.sendall(chunk)
        except OSError:
            pass
        assert b" 413 " in connection.recv(100)


def test_compressed_body_is_refused(server: RunningServer) -> None:
    headers = {"Content-Encoding": "gzip"}
    assert call(server.rest, "POST", ENDPOINT, b"x", **headers)[0] == 415


@pytest.mark.parametrize("begun", ["", "{"], ids=["head only", "half a body"])
def test_slow_body_is_given_up(server: RunningServer, begun: str) -> None:
    with socket.create_connection(("127.0.0.1", server.rest), timeout=10) as connection:
        head = f"POST {ENDPOINT} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{begun}"
        connection.sendall(head.encode())
        started = time.monotonic()
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - started < 5


def test_a_thousand_connections_do_not_keep_others_waiting(server: RunningServer) -> None:
    idle = []
    try:
        for _ in range(1000):
            idle.append(socket.create_connection(("127.0.0.1", server.rest), timeout=10))
        started = time.monotonic()
        assert server.infer("mnist", image_request())[0] == 200
        assert time.monotonic() - started < 1
    finally:
        for connection in idle:
            connection.close()


def test_clients_that_vanish_hurt_nobody(server: RunningServer) -> None:
    for _ in range(50):
        with socket.create_connection(("127.0.0.1", server.rest), timeout=10) as connection:
            connection.sendall(f"POST {ENDPOINT} HTTP/1.1\r\nContent-Length: 9999\r\n".encode())
    assert server.infer("mnist", image_request())[0] == 200


def test_many_clients_at_once_are_all_answered(server: RunningServer) -> None:
    results: list[int] = []

    def work() -> None:
        results.extend(server.infer("mnist", image_request())[0] for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [200] * 320


def test_metrics_count_predictions(server: RunningServer) -> None:
    server.infer("mnist", image_request())
    server.infer("no-such-model", image_request())
    text = call(server.metrics, "GET", "/metrics")[1].decode()
    assert 'model_infer_request_success_total{model="mnist"' in text
    assert "no-such-model" not in text
