"""The steps of the pipeline: each takes what the one before left, and leaves what the next needs.

The notebooks show the same calls one by one; the KFP components and the command line call these.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mnist_workload.checksums import sha256_of
from mnist_workload.configuration import TrainingConfiguration, WorkloadPaths
from mnist_workload.data import Dataset, read_csv, read_mnist, write_csv
from mnist_workload.evaluation import Evaluation, evaluate, summary
from mnist_workload.files import save_json
from mnist_workload.prediction import open_model, predict
from mnist_workload.preprocessing import Floats, load_processed, preprocess, save_processed
from mnist_workload.review import Mistake, find_mistakes
from mnist_workload.storage import ObjectStore

_CHECKSUM = "sha256"
_CHECKSUMS_FILE = "data-sha256.json"


def upload_data(store: ObjectStore, idx_folder: Path, paths: WorkloadPaths) -> bool:
    """Bring MNIST into the bucket in the Kaggle layout; tell whether anything changed.

    Everything is checked before anything is stored, and the two tables take their places only
    when both have arrived: what was in the bucket stays as it was until then.
    """
    tables = dict(zip((paths.train_key, paths.test_key), read_mnist(idx_folder), strict=True))
    return upload_tables(store, tables, paths.workdir)


def upload_tables(store: ObjectStore, tables: dict[str, Dataset], workdir: Path) -> bool:
    """Store tables under their keys, all of them or none."""
    store.check()
    waiting: dict[str, str] = {}
    files: list[Path] = []
    try:
        for key, table in tables.items():
            path = workdir / f".upload-{Path(key).name}"
            files.append(path)
            write_csv(table, path)
            checksum = sha256_of(path)
            if (store.metadata(key) or {}).get(_CHECKSUM) == checksum:
                continue
            waiting[key] = f"{key}.incoming"
            store.upload(path, waiting[key], {_CHECKSUM: checksum})
        for key, incoming in waiting.items():
            store.copy(incoming, key)
    finally:
        for path in files:
            path.unlink(missing_ok=True)
        for incoming in waiting.values():
            store.delete(incoming)
    return bool(waiting)


def run_preprocess(store: ObjectStore, paths: WorkloadPaths) -> dict[str, str]:
    """Read the tables from the bucket and leave the processed arrays; return the checksums."""
    train, test, checksums = load_tables(store, paths)
    save_processed(paths.processed, preprocess(train, test))
    note_data_checksums(paths, checksums)
    return checksums


def load_tables(
    store: ObjectStore, paths: WorkloadPaths
) -> tuple[Dataset, Dataset, dict[str, str]]:
    """Fetch and check both tables; return them with the checksums of their files."""
    datasets: list[Dataset] = []
    checksums: dict[str, str] = {}
    for key in (paths.train_key, paths.test_key):
        file = paths.workdir / Path(key).name
        try:
            store.download(key, file)
            datasets.append(read_csv(file, name=f"s3://{store.connection.bucket}/{key}"))
            checksums[key] = sha256_of(file)
        finally:
            file.unlink(missing_ok=True)
    return datasets[0], datasets[1], checksums


def note_data_checksums(paths: WorkloadPaths, checksums: dict[str, str]) -> None:
    """Note which data was read, for the JSON that describes the model."""
    save_json(paths.workdir / _CHECKSUMS_FILE, checksums)


def read_data_checksums(paths: WorkloadPaths) -> dict[str, str]:
    """Return the checksums that Pre-process noted, or none."""
    file = paths.workdir / _CHECKSUMS_FILE
    return dict(json.loads(file.read_text())) if file.is_file() else {}


def run_train(
    store: ObjectStore, paths: WorkloadPaths, configuration: TrainingConfiguration
) -> dict[str, Any]:
    """Train, export, check and publish the model; return its sidecar."""
    # TensorFlow takes seconds to import: only the step that trains pays for it.
    from mnist_workload.training import train

    data = load_processed(paths.processed)
    result = train(data.train_images, data.train_labels, configuration)
    return export_and_publish(store, paths, configuration, result, data)


def export_and_publish(
    store: ObjectStore,
    paths: WorkloadPaths,
    configuration: TrainingConfiguration,
    result: Any,
    data: Any,
) -> dict[str, Any]:
    """Export a trained model, prove it against TensorFlow, and only then store it."""
    from mnist_workload.export import compare, describe_model, export_model, publish

    candidate = paths.model.with_suffix(".candidate.onnx")
    try:
        export_model(result.model, candidate)
        difference = compare(result.model, candidate, data.test_images)
        probabilities = predict(open_model(candidate), data.test_images)
        evaluation = evaluate(data.test_labels, probabilities)
        candidate.replace(paths.model)
    finally:
        candidate.unlink(missing_ok=True)
    description = describe_model(
        paths.model,
        accuracy=evaluation.accuracy,
        data_checksums=read_data_checksums(paths),
        parity=difference,
        details={
            "configuration": asdict(configuration),
            "training_seconds": round(result.seconds, 1),
            "devices": list(result.devices),
        },
    )
    publish(store, paths.model, description, paths)
    return description


def run_evaluate(store: ObjectStore, paths: WorkloadPaths) -> Evaluation:
    """Fetch the stored model and test it on the images it has never seen."""
    data = load_processed(paths.processed)
    evaluation = evaluate(data.test_labels, predict_stored(store, paths, data.test_images))
    save_json(paths.workdir / "evaluation.json", summary(evaluation))
    return evaluation


def run_review(store: ObjectStore, paths: WorkloadPaths) -> list[Mistake]:
    """Return the test images that the stored model reads wrongly, worst first."""
    data = load_processed(paths.processed)
    return find_mistakes(data.test_labels, predict_stored(store, paths, data.test_images))


def predict_stored(store: ObjectStore, paths: WorkloadPaths, images: Floats) -> Floats:
    """Fetch the model from the bucket and return its ten probabilities for each image."""
    # Evaluate and Review may run at the same time on one volume: each has its own copy.
    paths.workdir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=paths.workdir, prefix=".model-") as folder:
        return predict(open_model(store.download(paths.model_key, Path(folder, "m.onnx"))), images)
