"""An object that does not go away is named with its finalizer and who should remove it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lab_ground import s3
from lab_reset import lease, waiting


def going(kind: str, *finalizers: str) -> dict:
    return {
        "kind": kind,
        "metadata": {
            "name": "mnist",
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": list(finalizers),
        },
    }


def test_a_finalizer_is_named_with_its_controller() -> None:
    sentence = waiting.why_it_stays(going("InferenceService", "odh.inferenceservice.finalizers"))
    assert sentence.startswith("InferenceService/mnist waits for finalizer odh.inferenceservice")
    assert "model serving controller" in sentence


def test_a_claim_names_the_pods_that_mount_it() -> None:
    pod = {
        "metadata": {"name": "notebook-0"},
        "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "mnist"}}, {"emptyDir": {}}]},
    }
    sentence = waiting.why_it_stays(
        going("PersistentVolumeClaim", "kubernetes.io/pvc-protection"), [pod]
    )
    assert sentence.endswith("still mounted by pod notebook-0")


def test_an_unknown_finalizer_is_still_named() -> None:
    assert "example.org/x" in waiting.why_it_stays(going("Notebook", "example.org/x"))


def test_an_object_that_comes_back_is_told_from_one_that_stays() -> None:
    thing = {"kind": "Route", "metadata": {"name": "mnist"}}
    assert "creates it again" in waiting.why_it_stays(thing)
    assert "containers have not ended" in waiting.why_it_stays(going("Pod"))


MOMENT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "expected"), [(1, False), (lease.DURATION - 1, False), (lease.DURATION + 1, True)]
)
def test_a_lease_ends_when_its_holder_stops_renewing(age: int, expected: bool) -> None:
    renewed = (MOMENT - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "other", "renewTime": renewed, "leaseDurationSeconds": lease.DURATION}
    assert lease.expired(spec, MOMENT) is expected


def test_a_lease_without_a_holder_is_free() -> None:
    assert lease.expired({}, MOMENT)
    assert lease.expired({"holderIdentity": "x"}, MOMENT)


def test_the_labs_data_stay_in_the_bucket_and_nothing_beside_them() -> None:
    kept = ["data/train.csv", "data/test.csv"]
    keys = [*kept, "data/mine.csv", "data/train.csv.bak", "onnx/model-v2.onnx"]
    assert s3.removable(keys, kept) == keys[2:]
