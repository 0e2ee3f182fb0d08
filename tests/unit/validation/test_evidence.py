"""Evidence is collected, redacted, and says so where it cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from lab_ground.redaction import Redactor
from lab_validation.evidence import Collector, condition_lines

SECRET = "abcd1234efgh5678"


class Cluster:
    """A reader over plain dictionaries."""

    def __init__(self, things: dict[str, list[dict[str, Any]]], log: str = "") -> None:
        self.things, self.text = things, log
        self.asked: list[tuple[str, str, str]] = []
        # The only version in which the cluster has a kind.
        self.served: dict[str, str] = {}

    def objects(self, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        self.asked.append((api_version, kind, namespace))
        if self.served and kind in self.served and api_version != self.served[kind]:
            return []
        if kind not in self.things:
            raise ConnectionError(f"no route to host for {kind}")
        return list(self.things[kind])

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        return self.text


MODEL = {
    "kind": "InferenceService",
    "metadata": {"name": "mnist"},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "FailedToLoad", "message": "no key"}
        ],
        "modelStatus": {"lastFailureInfo": {"reason": "ModelLoadFailed", "message": "403"}},
    },
}
POD = {
    "metadata": {"name": "modelmesh-serving-model-mesh-1"},
    "status": {"phase": "Running"},
    "spec": {"containers": [{"name": "mlserver"}]},
}
EVENT = {
    "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
    "type": "Warning",
    "reason": "Failed",
    "message": "Error: ImagePullBackOff",
    "involvedObject": {"kind": "Pod", "name": "x"},
}


def collect(cluster: Cluster, step: str = "serving") -> dict[str, str]:
    return Collector(cluster, "mnist", "images-1", Redactor([SECRET]))(step)


def test_conditions_events_and_logs_are_there() -> None:
    evidence = collect(
        Cluster({"InferenceService": [MODEL], "Event": [EVENT], "Pod": [POD]}, f"key {SECRET}")
    )
    assert "Ready=False FailedToLoad no key" in evidence["Conditions"]
    assert "ModelLoadFailed 403" in evidence["Conditions"]
    assert "ImagePullBackOff" in evidence["Events"]
    assert "mlserver" in evidence["Pods and their logs"]
    assert SECRET not in "".join(evidence.values())


def test_a_part_that_cannot_be_read_says_why_and_spares_the_others() -> None:
    evidence = collect(Cluster({"InferenceService": [], "Event": [EVENT]}))
    assert "there is none in mnist" in evidence["Conditions"]
    assert "could not be read: no route to host for Pod" in evidence["Pods and their logs"]


@pytest.mark.parametrize("version", ["v1", "v1alpha1"])
def test_the_pipeline_server_is_found_in_each_version(version: str) -> None:
    kind = "DataSciencePipelinesApplication"
    condition = {"type": "Ready", "status": "False", "reason": "Failed", "message": "no disk"}
    server = {
        "kind": kind, "metadata": {"name": "ds-pipeline"}, "status": {"conditions": [condition]},
    }  # fmt: skip
    cluster = Cluster({kind: [server], "Event": [], "Pod": []})
    cluster.served[kind] = f"datasciencepipelinesapplications.opendatahub.io/{version}"
    assert "no disk" in collect(cluster, "pipelines")["Conditions"]


def test_image_streams_are_looked_for_where_they_are() -> None:
    cluster = Cluster({"ImageStream": [], "Event": [], "Pod": []})
    assert "there is none in images-1" in collect(cluster, "images")["Conditions"]
    assert ("image.openshift.io/v1", "ImageStream", "images-1") in cluster.asked


def test_an_object_without_conditions_shows_its_phase() -> None:
    claim = {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "n"},
        "status": {"phase": "Pending"},
    }
    assert condition_lines(claim) == ["PersistentVolumeClaim n: Pending"]


def test_the_cause_is_one_sentence_with_the_secret_masked() -> None:
    things = {"InferenceService": [MODEL], "Event": [EVENT], "Pod": [POD]}
    between = ("Deployment", "StatefulSet", "ReplicaSet", "Job")
    for kind in (*between, "PersistentVolumeClaim", "ServiceAccount"):
        things[kind] = []
    cause = collect(Cluster(things, f"key {SECRET}"))["Cause"]
    assert cause.startswith("InferenceService mnist/mnist could not load its model")
    assert "ModelLoadFailed: 403" in cause
    assert SECRET not in cause
