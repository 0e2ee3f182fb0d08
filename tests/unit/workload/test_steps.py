"""The steps in their order against a real object store, and the command line before them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mnist_workload import __main__ as command_line
from mnist_workload import export, steps
from mnist_workload.configuration import TrainingConfiguration
from mnist_workload.data import Dataset, write_csv
from mnist_workload.errors import (
    BucketMissingError,
    CredentialsError,
    DataError,
    ExportError,
    ForeignFileError,
    PixelError,
    StorageError,
    TruncatedFileError,
)
from mnist_workload.preprocessing import load_processed
from mnist_workload.storage import ObjectStore

KEYS = ["data/test.csv", "data/train.csv"]


@pytest.fixture
def expect_small_data(monkeypatch, idx_checksums):
    """Accept the small IDX files as MNIST."""
    monkeypatch.setattr("mnist_workload.checksums.CHECKSUMS", idx_checksums)


@pytest.fixture
def small_training(monkeypatch):
    """Let the quick profile be a training of a second."""
    quick = TrainingConfiguration(epochs=1, batch_size=50, validation_images=20)
    monkeypatch.setattr("mnist_workload.configuration.PROFILES", {"quick": quick, "default": quick})


@pytest.fixture
def bucket_with_data(store, dataset, paths):
    """Upload the small tables."""
    tables = dict.fromkeys((paths.train_key, paths.test_key), dataset)
    assert steps.upload_tables(store, tables, paths.workdir)
    return store


@pytest.fixture
def volume(bucket_with_data, paths):
    """Run Pre-process on the small tables."""
    steps.run_preprocess(bucket_with_data, paths)
    return paths


def contents(store):
    return {
        key: store._bucket.client.head_object(Bucket=store.connection.bucket, Key=key)["ETag"]
        for key in sorted(store.keys())
    }


def test_the_data_arrives_and_a_second_time_changes_nothing(
    store, idx_folder, paths, expect_small_data, dataset
):
    assert steps.upload_data(store, idx_folder, paths)
    before = contents(store)
    assert sorted(before) == KEYS
    assert not steps.upload_data(store, idx_folder, paths)
    assert contents(store) == before
    train, test, checksums = steps.load_tables(store, paths)
    assert (train.images == dataset.images).all()
    assert (test.labels == dataset.labels).all()
    assert sorted(checksums) == KEYS
    assert checksums["data/train.csv"] == store.metadata("data/train.csv")["sha256"]
    assert list(paths.workdir.iterdir()) == []


def test_changed_data_is_uploaded(bucket_with_data, dataset, paths):
    half = Dataset(dataset.images[:100], dataset.labels[:100])
    tables = {paths.train_key: dataset, paths.test_key: half}
    assert steps.upload_tables(bucket_with_data, tables, paths.workdir)
    assert len(steps.load_tables(bucket_with_data, paths)[1]) == 100


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), ForeignFileError),
        (lambda path: path.write_bytes(b"foreign"), ForeignFileError),
        (lambda path: path.unlink(), DataError),
    ],
)
def test_bad_files_leave_the_bucket_as_it_was(
    bucket_with_data, idx_folder, paths, expect_small_data, damage, error
):
    before = contents(bucket_with_data)
    damage(idx_folder / "t10k-images-idx3-ubyte")
    with pytest.raises(error, match="t10k-images-idx3-ubyte"):
        steps.upload_data(bucket_with_data, idx_folder, paths)
    assert contents(bucket_with_data) == before


def test_a_truncated_file_leaves_the_bucket_as_it_was(
    bucket_with_data, idx_folder, paths, monkeypatch
):
    before = contents(bucket_with_data)
    labels = idx_folder / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:-1])
    monkeypatch.setattr("mnist_workload.checksums.CHECKSUMS", {})
    with pytest.raises(TruncatedFileError, match="train-labels"):
        steps.upload_data(bucket_with_data, idx_folder, paths)
    assert contents(bucket_with_data) == before


@pytest.mark.parametrize("failing", ["second upload", "first copy"])
def test_a_store_that_fails_midway_leaves_the_bucket_as_it_was(
    bucket_with_data, dataset, paths, monkeypatch, failing
):
    before = contents(bucket_with_data)
    half = Dataset(dataset.images[:100], dataset.labels[:100])
    upload, calls = bucket_with_data.upload, []

    def fail(*_, **__):
        raise StorageError("the disk is full")

    def upload_once(*arguments, **more):
        calls.append(arguments)
        return upload(*arguments, **more) if len(calls) == 1 else fail()

    if failing == "second upload":
        monkeypatch.setattr(bucket_with_data, "upload", upload_once)
    else:
        monkeypatch.setattr(bucket_with_data, "copy", fail)
    with pytest.raises(StorageError, match="disk is full"):
        steps.upload_tables(
            bucket_with_data, dict.fromkeys((paths.train_key, paths.test_key), half), paths.workdir
        )
    assert contents(bucket_with_data) == before
    assert list(paths.workdir.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"secret_access_key": "wrong"}, CredentialsError),
        ({"bucket": "nonesuch"}, BucketMissingError),
    ],
)
def test_nothing_is_sent_where_it_cannot_arrive(storage, dataset, paths, change, error):
    store = ObjectStore(dataclasses.replace(storage, **change))
    with pytest.raises(error):
        steps.upload_tables(store, {paths.train_key: dataset}, paths.workdir)


def test_a_wrong_table_in_the_bucket_stops_the_step(bucket_with_data, paths, tmp_path, dataset):
    path = tmp_path / "wrong.csv"
    write_csv(dataset, path)
    lines = path.read_text().splitlines()
    cells = lines[7].split(",")
    cells[100] = "300"
    lines[7] = ",".join(cells)
    path.write_text("\n".join(lines))
    bucket_with_data.upload(path, paths.test_key)
    with pytest.raises(PixelError) as caught:
        steps.run_preprocess(bucket_with_data, paths)
    bucket = bucket_with_data.connection.bucket
    assert str(caught.value) == (
        f"s3://{bucket}/data/test.csv, row 7, column pixel99: a pixel is from 0 to 255 (found 300)"
    )
    assert not paths.processed.exists()


def test_what_preprocess_leaves(volume, dataset):
    data = load_processed(volume.processed)
    assert data.train_images.shape == (200, 28, 28, 1)
    assert (data.test_labels.argmax(axis=1) == dataset.labels).all()
    assert sorted(steps.read_data_checksums(volume)) == KEYS


def test_train_evaluate_and_review(bucket_with_data, volume, tiny_configuration):
    description = steps.run_train(bucket_with_data, volume, tiny_configuration)
    assert description["sha256"] == bucket_with_data.metadata("onnx/model-v2.onnx")["sha256"]
    assert sorted(description["data_sha256"]) == KEYS
    assert description["configuration"]["epochs"] == tiny_configuration.epochs
    evaluation = steps.run_evaluate(bucket_with_data, volume)
    assert evaluation.accuracy == pytest.approx(description["accuracy"])
    assert json.loads((volume.workdir / "evaluation.json").read_text())["images"] == 200
    mistakes = steps.run_review(bucket_with_data, volume)
    assert len(mistakes) == round((1 - evaluation.accuracy) * 200)
    assert not [path for path in volume.workdir.iterdir() if path.is_dir()]


def test_a_model_that_is_not_what_was_trained_is_not_stored(
    bucket_with_data, volume, trained, tiny_configuration, monkeypatch
):
    before = contents(bucket_with_data)

    def spoil(_, images):
        answer = np.zeros((len(images), 10), np.float32)
        answer[:, 0] = 1
        return answer

    monkeypatch.setattr(export, "predict", spoil)
    data = load_processed(volume.processed)
    with pytest.raises(ExportError, match="not the model that was trained"):
        steps.export_and_publish(bucket_with_data, volume, tiny_configuration, trained, data)
    assert contents(bucket_with_data) == before
    assert not list(volume.workdir.glob("*.onnx"))


def test_steps_out_of_order_say_which_is_missing(store, paths):
    with pytest.raises(DataError, match="has the step that writes it run"):
        steps.run_evaluate(store, paths)
    assert steps.read_data_checksums(paths) == {}


def run(capsys, *arguments):
    """Run the command; return its exit status, its JSON and what it said besides."""
    status = command_line.main(list(arguments))
    printed = capsys.readouterr()
    return status, json.loads(printed.out) if printed.out else None, printed.err


def test_the_command_runs_every_step(
    capsys, environment, idx_folder, tmp_path, expect_small_data, small_training
):
    assert run(capsys, "upload", str(idx_folder))[:2] == (0, {"changed": True})
    assert run(capsys, "upload", str(idx_folder))[:2] == (0, {"changed": False})
    assert sorted(run(capsys, "preprocess")[1]["data_sha256"]) == KEYS
    command_line.main(["train", "--profile", "quick"])
    trained = json.loads(capsys.readouterr().out.splitlines()[-1])
    status, measured, _ = run(capsys, "evaluate", "--output", str(tmp_path / "out"))
    assert (status, measured["accuracy"]) == (0, pytest.approx(trained["accuracy"]))
    assert (tmp_path / "out" / "mlpipeline-metrics.json").is_file()
    assert run(capsys, "evaluate")[1] == measured
    status, reviewed, _ = run(capsys, "review")
    assert (status, len(reviewed["mistakes"])) == (0, round((1 - measured["accuracy"]) * 200))


def test_the_command_names_what_is_wrong(capsys, environment, monkeypatch):
    monkeypatch.setenv("AWS_S3_BUCKET", "nonesuch")
    status, result, said = run(capsys, "preprocess")
    assert (status, result) == (1, None)
    assert "nonesuch" in said
    assert "Traceback" not in said


def test_the_command_fetches(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(command_line, "fetch", lambda cache: (Path(cache, "idx"), False))
    _, result, _ = run(capsys, "fetch", "--cache", str(tmp_path))
    assert result == {"changed": False, "folder": str(tmp_path / "idx")}


@pytest.mark.parametrize("arguments", [[], ["nonesuch"], ["train", "--profile", "slow"]])
def test_the_command_explains_its_use(capsys, arguments):
    with pytest.raises(SystemExit) as caught:
        command_line.main(arguments)
    assert caught.value.code == 2
    assert "usage: mnist_workload" in capsys.readouterr().err
