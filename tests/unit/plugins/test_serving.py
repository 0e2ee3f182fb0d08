"""What the role lab_serving asks of the bucket and of the InferenceServices."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from memory_cluster import MemoryCluster

from lab_ground.connections import DataConnection
from lab_ground.s3 import Bucket
from lab_playbook import model_waiting, models

UP_TO_DATE, IN_PROGRESS, BLOCKED = "UpToDate", "InProgress", "BlockedByFailedLoad"
LATER = 60.0


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Iterator[bytes]:
        return iter(lambda: self.read(size), b"")


class Store:
    """An S3 client of one bucket."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects

    def get_object(self, **request: str) -> dict[str, Any]:
        assert request["Bucket"] == "rhods"
        if request["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": Body(self.objects[request["Key"]])}


def bucket(**objects: bytes) -> Bucket:
    made = Bucket(DataConnection("http://127.0.0.1:9", "rhods", "key", "secret"))
    made.client = Store(**objects)
    return made


def model(transition: str, *, observed: int | None = 2, **more: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"modelStatus": {"transitionStatus": transition, **more}}
    if observed is not None:
        status["observedGeneration"] = observed
    return {"metadata": {"namespace": "mnist", "name": "mnist", "generation": 2}, "status": status}


def deployment(*, ours: bool, updated: int = 1, total: int = 1) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": "lab-platform"} if ours else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"generation": 7, "labels": labels},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 7,
            "replicas": total,
            "updatedReplicas": updated,
            "readyReplicas": 1,
        },
    }


def test_checksum_is_the_objects() -> None:
    compute = models.compute_checksum
    content = bytes(3 << 20)
    assert compute(bucket(model=content), "model") == hashlib.sha256(content).hexdigest()
    assert compute(bucket(), "model") == ""


@pytest.mark.parametrize(
    ("service", "server", "spent", "expected"),
    [
        (model(UP_TO_DATE), None, 0, "ready"),
        (model(IN_PROGRESS), None, LATER, "waiting"),
        (model(BLOCKED), None, 0, "failed"),
        (model("InvalidSpec"), None, 0, "failed"),
        (model(UP_TO_DATE, observed=1), None, LATER, "waiting"),
        (model(BLOCKED, observed=1), None, LATER, "waiting"),
        # ModelMesh may say nothing of a generation; its first words may be the former spec's.
        (model(UP_TO_DATE, observed=None), None, 0, "waiting"),
        (model(UP_TO_DATE, observed=None), None, LATER, "ready"),
        # KServe says its Deployment's; the lab's stand-in says the model's own.
        (model(UP_TO_DATE, observed=7), deployment(ours=False), LATER, "ready"),
        (model(UP_TO_DATE, observed=7), deployment(ours=False, updated=0), LATER, "waiting"),
        (model(UP_TO_DATE, observed=7), deployment(ours=False, total=2), LATER, "waiting"),
        (model(UP_TO_DATE, observed=1), deployment(ours=True), LATER, "waiting"),
        (model(UP_TO_DATE), deployment(ours=True), 0, "ready"),
    ],
)
def test_a_model_is_judged_by_its_present_spec(
    service: dict[str, Any],
    server: dict[str, Any] | None,
    spent: float,
    expected: str,
) -> None:
    assert model_waiting.judge(service, server, spent) == expected


def test_a_model_without_a_status_is_waited_for() -> None:
    service = {"metadata": {"namespace": "mnist", "name": "mnist", "generation": 1}}
    assert model_waiting.judge(service, None, LATER) == "waiting"


def test_a_failure_is_a_sentence() -> None:
    explain = model_waiting.explain_failure
    failed = model(
        BLOCKED,
        states={"targetModelState": "FailedToLoad"},
        lastFailureInfo={"message": "no object at s3://rhods/onnx/absent.onnx"},
    )
    assert explain(failed).sentence == (
        "Model mnist/mnist is FailedToLoad: no object at s3://rhods/onnx/absent.onnx"
        " — see more with: oc -n mnist describe inferenceservice mnist"
    )
    assert explain(model("InvalidSpec")).cause.endswith("no reason given")


def test_every_seat_is_waited_for_and_the_first_failure_told() -> None:
    seats = ["mnist-1", "mnist-2", "mnist-3"]
    services = [model(UP_TO_DATE), model(BLOCKED)]
    for seat, service in zip(seats, services, strict=False):
        service["metadata"]["namespace"] = seat
    cluster = MemoryCluster()
    for service in services:
        cluster.add({"apiVersion": model_waiting.API, "kind": model_waiting.KIND, **service})
    arguments = {"name": "mnist", "namespaces": seats, "raw": False}
    waiting, failed = model_waiting.look(cluster, arguments, 0)
    assert waiting == ["mnist-2", "mnist-3"]
    assert failed
    assert failed["metadata"]["namespace"] == "mnist-2"


def test_a_failure_that_the_server_mends_itself_is_not_told() -> None:
    count = model_waiting.count
    assert count(None, True, 3.0) == (3.0, False)
    assert count(3.0, True, 12.0) == (3.0, False)
    assert count(3.0, False, 13.0) == (None, False)
    assert count(None, True, 14.0) == (14.0, False)
    assert count(14.0, True, 34.5) == (14.0, True)
