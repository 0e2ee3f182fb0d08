"""What shows that a step of the lab is done: pure, each fault with its sentence."""

from __future__ import annotations

import base64
import hashlib
import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lab_steps import drawing, pipelines, project, serving, workbench
from lab_steps.steps import STEPS

VALUES = {
    "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "r",
    "AWS_S3_ENDPOINT": "http://store", "AWS_S3_BUCKET": "rhods",
}  # fmt: skip


def claim(phase: str = "Bound", size: str = "5Gi") -> dict:
    return {"spec": {"resources": {"requests": {"storage": size}}}, "status": {"phase": phase}}


def pod(*claims: str, ready: bool = True, reason: str = "") -> dict:
    waiting = {"waiting": {"reason": reason}} if reason else {}
    return {
        "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": name}} for name in claims]},
        "status": {"containerStatuses": [{"name": "notebook", "ready": ready, "state": waiting}]},
    }


def notebook(**annotations: str) -> dict:
    container = {"envFrom": [{"secretRef": {"name": "s3"}}]}
    spec = {"containers": [container], "volumes": pod("notebook")["spec"]["volumes"]}
    return {
        "metadata": {"name": "notebook", "annotations": annotations},
        "spec": {"template": {"spec": spec}},
    }


@pytest.mark.parametrize("key", VALUES)
def test_a_data_connection_without_a_value_is_told(key: str) -> None:
    assert project.connection_fault(VALUES) == ""
    assert key in project.connection_fault({**VALUES, key: ""})


def test_volumes() -> None:
    assert project.volume_fault(claim("Pending"), "notebook", []) == ""
    assert "Pending" in project.volume_fault(claim("Pending"), "notebook", [pod("notebook")])
    assert "no volume" in project.volume_fault(None, "notebook", [])
    assert "5Gi" in project.volume_fault(claim(), "notebook", [], "1Gi")


def test_data_by_size() -> None:
    whole = {"data/train.csv": 109_000_000, "data/test.csv": 18_000_000}
    assert project.data_fault(whole) == ""
    for key in whole:
        assert key in project.data_fault({**whole, key: None})
        assert key in project.data_fault({**whole, key: 1000})


def test_workbenches() -> None:
    assert workbench.running_fault(notebook(), pod()) == ""
    assert "no workbench" in workbench.running_fault(None, None)
    stopped = notebook(**{"kubeflow-resource-stopped": "2026-01-01T00:00:00Z"})
    assert "stopped" in workbench.running_fault(stopped, None)
    assert "notebook-0" in workbench.running_fault(notebook(), None)
    crashing = pod(ready=False, reason="ImagePullBackOff")
    assert "ImagePullBackOff" in workbench.running_fault(notebook(), crashing)
    assert workbench.mount_fault(notebook(), "notebook") == ""
    assert "ml-pipeline" in workbench.mount_fault(notebook(), "ml-pipeline")
    assert workbench.connected_fault(notebook(), "s3") == ""
    assert "s4" in workbench.connected_fault(notebook(), "s4")


def run(*states: str, names: tuple[str, ...] = pipelines.NOTEBOOKS) -> dict:
    tasks = [{"display_name": n, "state": s} for n, s in zip(names, states, strict=False)]
    return {"run_details": {"task_details": tasks}, "state": "SUCCEEDED"}


def test_runs() -> None:
    good = run(*["SUCCEEDED"] * 4)
    assert pipelines.steps_fault(good) == ""
    assert "Review" in pipelines.steps_fault(run(*["SUCCEEDED"] * 3, "FAILED"))
    assert "only" in pipelines.steps_fault(run(*["SUCCEEDED"] * 3))
    assert pipelines.added_fault(good) == ""
    assert "no Review" in pipelines.added_fault(run(*["SUCCEEDED"] * 3))
    assert pipelines.finished_fault([{"state": "FAILED"}, {"state": "SUCCEEDED"}]) == ""
    assert "FAILED" in pipelines.finished_fault([{"state": "FAILED"}])
    assert "no run" in pipelines.finished_fault([])
    assert "no run" in pipelines.submitted_fault([])
    failed = {"state": "FAILED", "display_name": "mine", "error": {"message": "out of memory"}}
    assert "out of memory" in pipelines.submitted_fault([failed])
    assert pipelines.submitted_fault([{"state": "RUNNING"}, failed]) == ""


def test_what_a_run_leaves() -> None:
    keys = [f"run/{name}{end}" for name in pipelines.NOTEBOOKS for end in (".html", ".ipynb")]
    assert pipelines.notebooks_fault(keys, ".html") == ""
    assert "Review.html" in pipelines.notebooks_fault(
        [k for k in keys if "Review.html" not in k], ".html"
    )
    sidecar = {"sha256": hashlib.sha256(b"model").hexdigest(), "accuracy": 0.99}
    assert pipelines.model_fault(b"model", sidecar) == ""
    assert "checksum" in pipelines.model_fault(b"other", sidecar)
    assert pipelines.accuracy_fault(sidecar) == ""
    assert "0.5000" in pipelines.accuracy_fault({"accuracy": 0.5})
    assert pipelines.accuracy_fault({}) != ""


def served(ready: str = "True", transition: str = "UpToDate", why: str = "") -> dict:
    told = {"transitionStatus": transition, "lastFailureInfo": {"message": why}}
    return {"status": {"conditions": [{"type": "Ready", "status": ready}], "modelStatus": told}}


def test_models() -> None:
    assert serving.ready_fault(served()) == ""
    assert "no such key" in serving.ready_fault(served("False", why="no such key"))
    assert "cannot be loaded" in serving.ready_fault(served(transition="BlockedByFailedLoad"))
    assert serving.ready_fault({}) != ""
    tensor = {"name": "input_1", "datatype": "FP32", "shape": [-1, 28, 28, 1]}
    assert serving.described_fault(200, {"inputs": [tensor]}) == ""
    assert "401" in serving.described_fault(401, {})
    assert "[-1, 784]" in serving.described_fault(200, {"inputs": [{**tensor, "shape": [-1, 784]}]})
    assert serving.answered_fault(200, "", {"outputs": [{"data": [0.1] * 10}]}) == ""
    assert "not ten" in serving.answered_fault(200, "", {"outputs": [{"data": [1.0]}]})
    assert "not 1" in serving.answered_fault(200, "", {"outputs": [{"data": [1.0] * 10}]})


@given(st.binary(min_size=784, max_size=784))
def test_a_drawing_is_the_image_dark_on_white_ten_times_as_large(image: bytes) -> None:
    url = drawing.drawing(image)
    picture = Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,"))))
    assert (picture.size, picture.mode) == ((280, 280), "L")
    pixels = np.asarray(picture)[::10, ::10]
    assert np.array_equal(255 - pixels, np.frombuffer(image, np.uint8).reshape(28, 28))


def test_digits_of_the_data() -> None:
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    rows = [",".join(map(str, [label, *([label] * 784)])) for label in range(12)]
    text = "\n".join([header, *rows, "7,1,"]).encode()
    found = drawing.digits(text)
    assert [label for label, _ in found] == list(range(10))
    assert found[3][1] == bytes([3]) * 784
    with pytest.raises(ValueError, match="785"):
        drawing.digits(b"label\n1,2,3\n")


def test_recognised_digits() -> None:
    assert drawing.recognised_fault([(d, d) for d in range(10)]) == ""
    assert drawing.recognised_fault([(d, d if d > 1 else 9) for d in range(10)]) == ""
    assert "a 2 for a 9" in drawing.recognised_fault([(d, 9) for d in range(10)])
    assert drawing.recognised_fault([]) != ""


def test_pages_and_functions() -> None:
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    assert drawing.function_fault(ready) == ""
    assert "oc apply -k" in drawing.function_fault(None)
    assert drawing.page_fault(200, "default-src 'none'; img-src 'self'") == ""
    assert "other hosts" in drawing.page_fault(200, "default-src 'none'; img-src https://far")
    assert drawing.refused_fault(422, {"error": {"cause": "empty"}}) == ""
    assert drawing.refused_fault(422, {}) != ""
    assert len(zlib.compress(drawing.EMPTY.encode())) < 5000


def test_every_step_has_its_words() -> None:
    assert all(step.title and step.explanation for step in STEPS)
