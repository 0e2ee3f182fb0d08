"""Export: the ONNX file is the trained network, or it is not stored."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mnist_workload import export
from mnist_workload.checksums import sha256_of
from mnist_workload.errors import ExportError
from mnist_workload.model import build_model
from mnist_workload.prediction import open_model, predict


def _model(name="input_1", shape=("batch", 28, 28, 1), kind=TensorProto.FLOAT):
    node = helper.make_node("Identity", [name], ["out"])
    graph = helper.make_graph(
        [node],
        "other",
        [helper.make_tensor_value_info(name, kind, shape)],
        [helper.make_tensor_value_info("out", kind, shape)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.fixture
def other_model(tmp_path):
    """Return a function that writes a valid model of another kind."""

    def write(**changes):
        path = tmp_path / "other.onnx"
        onnx.save(_model(**changes), path)
        return path

    return write


def test_the_file_has_the_labs_input(exported):
    export.check_model(exported)
    session = open_model(exported)
    assert [(i.name, i.type, i.shape) for i in session.get_inputs()] == [
        ("input_1", "tensor(float)", ["batch", 28, 28, 1])
    ]
    assert session.get_outputs()[0].shape == ["batch", 10]


def test_it_gives_what_tensorflow_gives(exported, trained, processed):
    images = np.concatenate([processed.test_images] * 5)
    difference = export.compare(trained.model, exported, images)
    assert difference <= 1e-5


def test_a_batch_of_one_and_of_many_agree(exported, processed):
    session = open_model(exported)
    many = predict(session, processed.test_images)
    assert np.allclose(predict(session, processed.test_images[3:4])[0], many[3], atol=1e-6)


def test_another_network_is_noticed(exported, processed):
    with pytest.raises(ExportError, match="is not the model that was trained"):
        export.compare(build_model(), exported, processed.test_images)


def test_a_difference_that_is_no_number_is_noticed(exported, trained, processed, monkeypatch):
    monkeypatch.setattr(
        export, "predict", lambda _, images: np.full((len(images), 10), np.nan, np.float32)
    )
    with pytest.raises(ExportError, match="largest difference nan"):
        export.compare(trained.model, exported, processed.test_images)


def test_an_answer_of_another_shape_is_noticed(trained, processed, other_model):
    with pytest.raises(ExportError, match="TensorFlow"):
        export.compare(trained.model, other_model(), processed.test_images)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "inputs"}, "its input must be input_1, not inputs"),
        ({"shape": ("batch", 784)}, r"must be FP32 \[batch, 28, 28, 1\]"),
        ({"shape": (1, 28, 28, 1)}, "must be FP32"),
        ({"kind": TensorProto.DOUBLE}, "must be FP32"),
    ],
)
def test_a_model_with_another_input_is_refused(other_model, changes, said):
    with pytest.raises(ExportError, match=said):
        export.check_model(other_model(**changes))


@pytest.mark.parametrize("content", [b"", b"no model at all", b"\x08\x07\x12\x00"])
def test_a_file_that_is_no_model(tmp_path, content):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError, match="is no valid ONNX model"):
        export.check_model(path)
    with pytest.raises(ExportError, match="is no ONNX model"):
        open_model(path)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(ExportError):
        export.check_model(tmp_path / "none.onnx")


def test_a_network_that_cannot_be_converted(trained, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise ValueError("unsupported")

    monkeypatch.setattr(export.tf2onnx.convert, "from_function", refuse)
    with pytest.raises(ExportError, match="cannot be written as ONNX: unsupported"):
        export.export_model(trained.model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_sidecar_says_what_the_model_is(exported):
    said = export.describe_model(
        exported, accuracy=0.5, data_checksums={"a": "b"}, parity=1e-7, details={"more": 1}
    )
    assert said["sha256"] == sha256_of(exported)
    assert (said["accuracy"], said["data_sha256"], said["more"]) == (0.5, {"a": "b"}, 1)
    assert {"keras", "tf2onnx", "onnx", "numpy"} <= set(said["packages"])
    assert len(said["git_revision"]) == 40


def test_a_published_model_has_its_sidecar_beside_it(exported, store, paths, tmp_path):
    description = export.describe_model(exported, accuracy=1, data_checksums={}, parity=0)
    export.publish(store, exported, description, paths)
    assert store.keys() == ["onnx/1/model.onnx", "onnx/model-v2.json", "onnx/model-v2.onnx"]
    assert store.metadata("onnx/model-v2.onnx") == {"sha256": description["sha256"]}
    sidecar = store.download("onnx/model-v2.json", tmp_path / "again.json")
    assert json.loads(sidecar.read_text()) == json.loads(json.dumps(description))


def test_a_broken_model_is_not_published(store, paths, other_model):
    with pytest.raises(ExportError):
        export.publish(store, other_model(name="inputs"), {"sha256": ""}, paths)
    assert store.keys() == []


def test_the_revision_that_somebody_sets():
    assert export.git_revision({"MNIST_GIT_REVISION": "abc"}) == "abc"


def test_the_revision_of_an_image(monkeypatch, tmp_path):
    written = tmp_path / "REVISION"
    written.write_text("abc-dirty\n")
    monkeypatch.setattr(export, "REVISION_FILE", written)
    assert export.git_revision({}) == "abc-dirty"


def test_the_revision_where_there_is_no_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert export.git_revision({}) == "unknown"
