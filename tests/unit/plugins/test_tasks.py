"""What the tasks make of what the cluster, the bucket and the page answer."""

from __future__ import annotations

import base64
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab_ground.connections import DataConnection
from lab_ground.kubernetes.readiness import is_stopped
from lab_ground.s3 import Bucket
from lab_playbook import models, objects, prediction, training_data, waiting

MODEL = b"model"
SHA256 = "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"


class FakeStore:
    """An S3 client over a dictionary."""

    def __init__(self, objects: dict[str, dict[str, Any]]) -> None:
        self.objects = objects

    def _find(self, key: str) -> dict[str, Any]:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "404"}}, "HeadObject")
        return self.objects[key]

    def head_object(self, **names: str) -> dict[str, Any]:
        return self._find(names["Key"])

    def get_object(self, **names: str) -> dict[str, Any]:
        return {"Body": FakeBody(self._find(names["Key"])["content"])}


class FakeBody(io.BytesIO):
    """An answer's body, in pieces."""

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        return iter(lambda: self.read(size), b"")


def bucket_of(client: Any) -> Bucket:
    """A bucket whose store is the client."""
    made = Bucket(DataConnection("http://127.0.0.1:9", "rhods", "key", "secret"))
    made.client = client
    return made


def stored(**objects: dict[str, Any]) -> Bucket:
    return bucket_of(FakeStore({name.replace("__", "/"): objects[name] for name in objects}))


def test_refusal_is_told_without_the_json() -> None:
    message = (
        'Failed to create object: b\'{"kind":"Status","status":"Failure",'
        '"message":"exceeded quota: storage","code":403}\\n\''
    )
    said = objects.explain_refusal(message)
    assert said == "The API server refused: exceeded quota: storage"
    assert objects.explain_refusal("no route to host") == "no route to host"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ('namespaces \\"mnist\\" not found', True),
        ("Failed to find exact match for kubeflow.org/v1.Notebook by [kind]", True),
        ("exceeded quota", False),
    ],
)
def test_only_what_is_not_there_yet_is_a_change(message: str, expected: bool) -> None:
    assert objects.is_not_yet(message) is expected


def test_model_is_read_with_what_is_beside_it() -> None:
    bucket = stored(
        **{
            "onnx__model-v2.onnx": {"content": MODEL},
            "onnx__model-v2.json": {"content": b'{"accuracy": 0.995}'},
        }
    )
    found = models.read_model(bucket, "onnx/model-v2.onnx")
    assert found == models.StoredModel(SHA256, 5, {"accuracy": 0.995})
    assert found.exists
    assert found.accuracy == 0.995


@pytest.mark.parametrize("sidecar", [None, b"{", b""], ids=["absent", "cut off", "empty"])
def test_model_without_its_json_is_none(sidecar: bytes | None) -> None:
    objects = {"onnx__model-v2.onnx": {"content": MODEL}}
    if sidecar is not None:
        objects["onnx__model-v2.json"] = {"content": sidecar}
    found = models.read_model(stored(**objects), "onnx/model-v2.onnx")
    assert not found.exists


def test_fingerprint_changes_with_data_code_and_profile(tmp_path: Path) -> None:
    compute = models.compute_fingerprint
    (tmp_path / "model.py").write_text("one", encoding="ascii")
    (tmp_path / "notes.txt").write_text("one", encoding="ascii")
    first = compute(["tag"], [tmp_path], "default")
    (tmp_path / "notes.txt").write_text("two", encoding="ascii")
    assert compute(["tag"], [tmp_path], "default") == first
    assert compute(["other"], [tmp_path], "default") != first
    assert compute(["tag"], [tmp_path], "quick") != first
    (tmp_path / "model.py").write_text("two", encoding="ascii")
    assert compute(["tag"], [tmp_path], "default") != first


def test_whole_tables_are_left_alone_whatever_the_case_of_metadata() -> None:
    objects = {
        key.replace("/", "__"): {"ContentLength": size, "Metadata": {"Sha256": checksum}}
        for key, (size, checksum) in training_data.TABLES.items()
    }
    assert training_data.find_faults(stored(**objects)) == {}


def test_missing_cut_off_and_foreign_tables_are_named() -> None:
    size = training_data.TABLES["data/train.csv"][0]
    assert training_data.find_faults(stored()) == dict.fromkeys(training_data.TABLES, "is missing")
    faults = training_data.find_faults(
        stored(
            **{
                "data__train.csv": {"ContentLength": size - 1, "Metadata": {}},
                "data__test.csv": {
                    "ContentLength": training_data.TABLES["data/test.csv"][0],
                    "Metadata": {"sha256": "0" * 64},
                },
            }
        )
    )
    assert f"not {size}" in faults["data/train.csv"]
    assert faults["data/test.csv"] == "has no or another checksum"


def workload(kind: str, replicas: int = 1, **status: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"generation": 2},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2, **status},
    }


READY = [{"type": "Ready", "status": "True"}]
ADMITTED = [{"conditions": [{"type": "Admitted", "status": "True"}]}]


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        (workload("Deployment", readyReplicas=1, updatedReplicas=1), True),
        (workload("Deployment", readyReplicas=1), False),
        (workload("Deployment", observedGeneration=1, readyReplicas=1, updatedReplicas=1), False),
        (workload("StatefulSet", replicas=0), False),
        (workload("Job", conditions=[{"type": "Failed", "status": "True"}]), True),
        (workload("Job", conditions=[]), False),
        (workload("Route", ingress=ADMITTED), True),
        (workload("Route"), False),
        (workload("DataSciencePipelinesApplication", conditions=READY), True),
        (workload("DataSciencePipelinesApplication", conditions=[]), False),
    ],
)
def test_each_kind_has_its_own_way_to_be_ready(thing: dict[str, Any], expected: bool) -> None:
    assert waiting.is_ready(thing) is expected


def test_stopped_workbench_has_no_pods() -> None:
    assert is_stopped(workload("StatefulSet", replicas=0))
    assert not is_stopped(workload("StatefulSet", replicas=0) | {"status": {"replicas": 1}})
    assert not is_stopped(workload("StatefulSet"))


def table_of(*labels: int) -> bytes:
    header = ",".join(["label", *(f"pixel{number}" for number in range(784))])
    rows = [",".join([str(label), *["0"] * 783, "255"]) for label in labels]
    return "\n".join([header, *rows, ""]).encode()


class RangeStore:
    """An S3 client over one table, of which a part is read."""

    def __init__(self, table: bytes) -> None:
        self.table = table

    def get_object(self, **names: str) -> dict[str, Any]:
        first, last = names["Range"].removeprefix("bytes=").split("-")
        return {"Body": FakeBody(self.table[int(first) : int(last) + 1])}


def test_digits_are_read_without_the_whole_table() -> None:
    bucket = bucket_of(RangeStore(table_of(*range(10))))
    digits = prediction.read_digits(bucket, "data/test.csv", 3)
    assert [label for label, _pixels in digits] == [0, 1, 2]
    assert digits[0][1] == bytes(783) + b"\xff"


@pytest.mark.parametrize("table", [b"", table_of(7), b"label\n1,2\n3,4\n"])
def test_table_without_enough_images_is_refused(table: bytes) -> None:
    bucket = bucket_of(RangeStore(table))
    with pytest.raises(ValueError, match=r"data/test.csv does not hold 2 images of 28x28"):
        prediction.read_digits(bucket, "data/test.csv", 2)


def test_digit_is_sent_as_dark_ink_on_white() -> None:
    url = prediction.as_data_url(bytes(783) + b"\xff")
    kind, _, content = url.partition(",")
    assert kind == "data:image/png;base64"
    png = base64.b64decode(content)
    assert png.startswith(b"\x89PNG")
    length = int.from_bytes(png[33:37])
    assert zlib.decompress(png[41 : 41 + length]) == (b"\0" + b"\xff" * 28) * 27 + (
        b"\0" + b"\xff" * 27 + b"\0"
    )


class FakePage:
    """A page that gives the same answer to everything."""

    def __init__(self, status: int, body: Any) -> None:
        kind = "text/plain" if body is None else "application/json"
        self.reply = SimpleNamespace(
            status_code=status, json=lambda: body, headers={"Content-Type": kind}
        )

    def post(self, url: str, **_request: Any) -> Any:
        assert url == "https://page.example.com/api/predict"
        return self.reply


def test_right_answer_is_a_prediction() -> None:
    page = FakePage(200, {"digit": 1, "probabilities": [0, 1] + [0] * 8})
    assert len(prediction.ask(page, "https://page.example.com/", [(1, bytes(784))] * 2, 5)) == 2


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, {"digit": 1, "probabilities": [0, 0.9] + [0] * 8}, "reads the 7 of row 1 .* as 1"),
        (502, {"error": {"message": "No model.", "cause": "It is away."}}, "No model. It is away."),
        (503, None, "answered with HTTP 503"),
    ],
)
def test_anything_else_says_what_the_page_said(
    status: int, body: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction, "SETTLE", 0.05)
    monkeypatch.setattr(prediction, "PAUSE", 0.01)
    page = FakePage(status, body)
    with pytest.raises(prediction.WrongAnswerError, match=said):
        prediction.ask(page, "https://page.example.com", [(7, bytes(784))], 5)


def test_a_router_that_reaches_no_pod_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prediction, "PAUSE", 0.01)
    answers = [FakePage(502, None).reply, FakePage(200, {"digit": 1}).reply]
    reply, _ = prediction.send(lambda: answers.pop(0))
    assert reply.status_code == 200
    assert answers == []
