"""The four notebooks of completed/, run top to bottom against a real object store."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from lab_ground.connections import DataConnection
from mnist_workload import steps
from mnist_workload.data import Dataset
from mnist_workload.storage import ObjectStore

NOTEBOOKS = Path(__file__).parents[4] / "model-repo" / "notebooks" / "completed"
SOURCES = Path(steps.__file__).parents[1]


@pytest.fixture(scope="module")
def many_digits(digit_images):
    """Return some thousands of the small images, each a little different."""
    images, labels = digit_images
    chance = np.random.default_rng(11)
    images = np.tile(images, (15, 1, 1)).astype(np.int16)
    images += np.where(images > 0, chance.integers(-60, 1, images.shape), 0).astype(np.int16)
    return Dataset(images.clip(0, 255).astype(np.uint8), np.tile(labels, 15))


@pytest.fixture(scope="module")
def workshop(object_store, many_digits, tmp_path_factory):
    """Prepare a bucket with data, and the environment that a workbench has."""
    from mnist_workload.configuration import WorkloadPaths

    folder = tmp_path_factory.mktemp("workshop")
    storage = DataConnection(bucket="notebooks", **object_store)
    store = ObjectStore(storage)
    store._bucket.client.create_bucket(Bucket=storage.bucket)
    paths = WorkloadPaths(workdir=folder / "volume")
    train = Dataset(many_digits.images[:2500], many_digits.labels[:2500])
    test = Dataset(many_digits.images[2500:], many_digits.labels[2500:])
    steps.upload_tables(store, {paths.train_key: train, paths.test_key: test}, paths.workdir)
    (folder / "files").mkdir()
    environment = {
        "AWS_S3_ENDPOINT": storage.endpoint,
        "AWS_S3_BUCKET": storage.bucket,
        "AWS_ACCESS_KEY_ID": storage.access_key_id,
        "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
        "AWS_DEFAULT_REGION": storage.region,
        "MNIST_WORKDIR": str(paths.workdir),
        "MNIST_PROFILE": "quick",
        "MNIST_TRAIN_IMAGES": "0",
        "MNIST_VALIDATION_IMAGES": "300",
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLCONFIGDIR": str(folder / "matplotlib"),
    }
    return {"environment": environment, "folder": folder / "files", "store": store}


@pytest.fixture(scope="module")
def executed(workshop):
    """Run the notebooks in their order, once; return them by name."""
    patch = pytest.MonkeyPatch()
    for name, value in workshop["environment"].items():
        patch.setenv(name, value)
    results = {}
    try:
        for name in ("Pre-process", "Train", "Evaluate", "Review"):
            notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
            client = NotebookClient(
                notebook,
                timeout=300,
                kernel_name="python3",
                resources={"metadata": {"path": str(workshop["folder"])}},
            )
            results[name] = client.execute()
    finally:
        patch.undo()
    return results


def printed(notebook):
    """Return what a notebook's cells printed."""
    return "".join(
        output["text"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output["output_type"] == "stream" and output["name"] == "stdout"
    )


def pictures(notebook):
    """Count the pictures among a notebook's outputs."""
    return sum(
        "image/png" in output.get("data", {})
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )


@pytest.mark.parametrize(
    ("name", "shown"), [("Pre-process", 3), ("Train", 6), ("Evaluate", 2), ("Review", 4)]
)
def test_a_notebook_runs_and_shows_its_pictures(executed, name, shown):
    assert pictures(executed[name]) >= shown


def test_preprocess_tells_of_all_the_data(executed):
    said = printed(executed["Pre-process"])
    assert "training images: 2500" in said
    assert "test images:     500" in said


def test_train_stored_the_model_with_its_sidecar(executed, workshop, tmp_path):
    store = workshop["store"]
    stored = ["onnx/1/model.onnx", "onnx/model-v2.json", "onnx/model-v2.onnx"]
    assert store.keys("onnx/") == stored
    sidecar = json.loads(store.download("onnx/model-v2.json", tmp_path / "s.json").read_text())
    assert sidecar["accuracy"] >= 0.96
    assert sidecar["sha256"] == store.metadata("onnx/model-v2.onnx")["sha256"]
    assert sorted(sidecar["data_sha256"]) == ["data/test.csv", "data/train.csv"]
    assert sidecar["largest_difference_from_tensorflow"] <= 1e-5
    assert "numbers to learn: 858,122" in printed(executed["Train"])


def test_evaluate_leaves_what_the_pipelines_pages_show(executed, workshop):
    metrics = json.loads((workshop["folder"] / "mlpipeline-metrics.json").read_text())
    values = {metric["name"]: metric["numberValue"] for metric in metrics["metrics"]}
    assert f"accuracy {values['accuracy']:.4f} on 500 images" in printed(executed["Evaluate"])
    pages = json.loads((workshop["folder"] / "mlpipeline-ui-metadata.json").read_text())
    assert [output["type"] for output in pages["outputs"]].count("web-app") == 2
    for name in ("evaluation.json", "confusion-matrix.png", "roc.png"):
        assert (workshop["folder"] / name).stat().st_size > 100


def test_review_counts_the_mistakes(executed, workshop):
    evaluation = json.loads((workshop["folder"] / "evaluation.json").read_text())
    wrong = round((1 - evaluation["accuracy"]) * evaluation["images"])
    assert f"{wrong} of 500 test images are read wrongly" in printed(executed["Review"])
    assert "the model says:" in printed(executed["Review"])


def test_no_secret_is_printed(executed, workshop):
    secret = workshop["environment"]["AWS_SECRET_ACCESS_KEY"]
    assert not any(secret in nbformat.writes(notebook) for notebook in executed.values())
