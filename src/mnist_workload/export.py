"""From the trained network to the ONNX file that is served, checked before it is stored."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

from mnist_workload.checksums import sha256_of
from mnist_workload.configuration import WorkloadPaths
from mnist_workload.data import SIDE
from mnist_workload.errors import ExportError
from mnist_workload.files import save_json, written_whole
from mnist_workload.model import INPUT_NAME, OUTPUT_NAME
from mnist_workload.prediction import open_model, predict
from mnist_workload.preprocessing import Floats
from mnist_workload.storage import ObjectStore

OPSET = 17
PARITY_IMAGES = 1000
PARITY_TOLERANCE = 1e-5
# Written by the build of an image, where the code comes without its repository.
REVISION_FILE = Path(__file__).with_name("REVISION")
PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "numpy")


def export_model(model: keras.Model, path: Path) -> None:
    """Write a Keras model as ONNX: input ``input_1``, FP32 [batch, 28, 28, 1]."""
    signature = (tf.TensorSpec((None, SIDE, SIDE, 1), tf.float32, name=INPUT_NAME),)

    def probabilities(images: tf.Tensor) -> tf.Tensor:
        return tf.identity(model(images, training=False), name=OUTPUT_NAME)

    try:
        converted, _ = tf2onnx.convert.from_function(
            tf.function(probabilities, input_signature=signature),
            input_signature=signature,
            opset=OPSET,
        )
        _name_batch(converted)
        onnx.checker.check_model(converted, full_check=True)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise ExportError(f"the model cannot be written as ONNX: {error}") from error
    with written_whole(path) as stream:
        stream.write(converted.SerializeToString())


def check_model(path: Path) -> None:
    """Check that a file is a valid ONNX model with the lab's input."""
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:  # a foreign file fails in protobuf, a bad graph in the checker
        raise ExportError(f"{path} is no valid ONNX model: {error}") from error
    inputs = {tensor.name: tensor.type.tensor_type for tensor in model.graph.input}
    if list(inputs) != [INPUT_NAME]:
        raise ExportError(f"{path}: its input must be {INPUT_NAME}, not {', '.join(inputs)}")
    tensor = inputs[INPUT_NAME]
    shape = [dimension.dim_value for dimension in tensor.shape.dim]
    if tensor.elem_type != onnx.TensorProto.FLOAT or shape != [0, SIDE, SIDE, 1]:
        raise ExportError(f"{path}: its input must be FP32 [batch, {SIDE}, {SIDE}, 1], not {shape}")


def compare(model: keras.Model, path: Path, images: Floats) -> float:
    """Return the largest difference from TensorFlow on up to 1,000 images.

    Raises ExportError where it is above 1e-5, or where any image is read as another digit.
    """
    sample = images[:PARITY_IMAGES]
    ours = np.asarray(model.predict(sample, batch_size=500, verbose=0))
    theirs = predict(open_model(path), sample)
    if ours.shape != theirs.shape:
        raise ExportError(f"{path} gives {theirs.shape}, TensorFlow {ours.shape}")
    difference = float(np.abs(ours - theirs).max())
    others = int((ours.argmax(axis=1) != theirs.argmax(axis=1)).sum())
    # Written so that a difference that is no number fails too.
    if not difference <= PARITY_TOLERANCE or others:
        raise ExportError(
            f"{path} is not the model that was trained: largest difference {difference:.2g} "
            f"(at most {PARITY_TOLERANCE:.0e}), {others} images read as another digit"
        )
    return difference


def describe_model(
    path: Path,
    *,
    accuracy: float,
    data_checksums: Mapping[str, str],
    parity: float,
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what the sidecar of a model says."""
    return {
        "model": path.name,
        "sha256": sha256_of(path),
        "accuracy": accuracy,
        "largest_difference_from_tensorflow": parity,
        "git_revision": git_revision(),
        "data_sha256": dict(data_checksums),
        "packages": package_versions(),
        **(details or {}),
    }


def publish(
    store: ObjectStore, path: Path, description: Mapping[str, Any], paths: WorkloadPaths
) -> None:
    """Store a checked model, its sidecar, and the model once more in a version folder."""
    check_model(path)
    sidecar = path.with_suffix(".json")
    save_json(sidecar, description)
    store.check()
    store.upload(path, paths.model_key, {"sha256": str(description["sha256"])})
    store.upload(sidecar, paths.sidecar_key)
    store.upload(path, paths.version_key, {"sha256": str(description["sha256"])})


def git_revision(environ: Mapping[str, str] | None = None) -> str:
    """Return the revision of this code: of the image it came in, or of its checkout."""
    environ = os.environ if environ is None else environ
    if revision := environ.get("MNIST_GIT_REVISION"):
        return revision
    if REVISION_FILE.is_file():
        return REVISION_FILE.read_text().strip()
    try:
        result = subprocess.run(
            ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return result.stdout.strip()


def package_versions() -> dict[str, str]:
    """Return the versions of the packages that shape a model."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _name_batch(model: onnx.ModelProto) -> None:
    # tf2onnx invents a name for the free dimension; one that says what it is reads better.
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
