"""Fixtures of the workload's tests: small data, an object store of their own, a trained network."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import uuid
from pathlib import Path

import numpy as np
import pytest
from ports import free_port
from started import wait_until_up


@pytest.fixture(scope="session")
def digit_images():
    """Draw 200 images that ten simple shapes tell apart, as whole numbers."""
    chance = np.random.default_rng(3)
    images = np.zeros((200, 28, 28), np.uint8)
    labels = np.tile(np.arange(10, dtype=np.uint8), 20)
    for image, label in zip(images, labels, strict=True):
        row, column = 4 + 2 * (label % 5), 4 + 10 * (label // 5)
        image[row : row + 8, column : column + 6] = chance.integers(120, 256, (8, 6))
    return images, labels


@pytest.fixture(scope="session")
def dataset(digit_images):
    """Return the small images as a data set."""
    from mnist_workload.data import Dataset

    return Dataset(*digit_images)


@pytest.fixture
def idx_folder(tmp_path, digit_images):
    """Write the small images as four IDX files."""
    images, labels = digit_images
    folder = tmp_path / "idx"
    folder.mkdir()
    for part in ("train", "t10k"):
        header = struct.pack(">4I", 2051, len(images), 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        header = struct.pack(">2I", 2049, len(labels))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    return folder


@pytest.fixture
def idx_checksums(idx_folder):
    """Return the checksums of the small IDX files."""
    from mnist_workload.checksums import sha256_of

    return {file.name: sha256_of(file) for file in idx_folder.iterdir()}


@pytest.fixture(scope="session")
def processed(dataset):
    """Return the small images in the network's form."""
    from mnist_workload.preprocessing import preprocess

    return preprocess(dataset, dataset)


@pytest.fixture(scope="session")
def tiny_configuration():
    """Return a training of a few seconds."""
    from mnist_workload.configuration import TrainingConfiguration

    return TrainingConfiguration(epochs=2, batch_size=20, validation_images=20, patience=2)


@pytest.fixture(scope="session")
def trained(processed, tiny_configuration):
    """Train the lab's network on the small images, once."""
    from mnist_workload.training import train

    return train(processed.train_images, processed.train_labels, tiny_configuration, verbose=0)


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory):
    """Export the trained network, once."""
    from mnist_workload.export import export_model

    path = tmp_path_factory.mktemp("model") / "model.onnx"
    export_model(trained.model, path)
    return path


@pytest.fixture(scope="session")
def object_store(tmp_path_factory):
    """Start SeaweedFS on free ports; return its S3 settings, without a bucket."""
    folder = tmp_path_factory.mktemp("s3")
    weed = Path(sys.executable).with_name("weed")
    assert weed.is_file(), "the environment has no weed: it is in requirements/workload-test.lock"
    settings = {"access_key_id": "workload", "secret_access_key": uuid.uuid4().hex}
    identity = {
        "name": "workload",
        "credentials": [
            {
                "accessKey": settings["access_key_id"],
                "secretKey": settings["secret_access_key"],
            }
        ],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    (folder / "identities.json").write_text(json.dumps({"identities": [identity]}))
    ports = [free_port() for _ in range(8)]
    log = (folder / "weed.log").open("wb")
    process = subprocess.Popen(
        [
            weed,
            "-logtostderr=true",
            "server",
            f"-dir={folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.telemetry=false",
            "-master.electionTimeout=1s",
            "-master.volumeSizeLimitMB=256",
            f"-master.port={ports[0]}",
            f"-master.port.grpc={ports[1]}",
            "-volume.max=0",
            "-volume.minFreeSpace=1",
            "-volume.preStopSeconds=1",
            f"-volume.port={ports[2]}",
            f"-volume.port.grpc={ports[3]}",
            f"-filer.port={ports[4]}",
            f"-filer.port.grpc={ports[5]}",
            f"-filer.localSocket={folder}/filer.sock",
            "-s3",
            f"-s3.port={ports[6]}",
            f"-s3.port.grpc={ports[7]}",
            f"-s3.config={folder}/identities.json",
            f"-s3.localSocket={folder}/s3.sock",
            "-s3.iam=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket=false",
        ],
        stdout=log,
        stderr=log,
    )
    try:
        settings["endpoint"] = f"http://127.0.0.1:{ports[6]}"
        _wait_for_store(settings, process, folder / "weed.log")
        yield settings
    finally:
        process.kill()  # a tidy end takes SeaweedFS long, and nothing of it is kept
        process.wait(20)
        log.close()


@pytest.fixture
def storage(object_store):
    """Make a bucket of the test's own; return its configuration."""
    from lab_ground.connections import DataConnection

    bucket = f"test-{uuid.uuid4().hex[:12]}"
    _client(object_store).create_bucket(Bucket=bucket)
    return DataConnection(bucket=bucket, **object_store)


@pytest.fixture
def store(storage):
    """Open the test's bucket."""
    from mnist_workload.storage import ObjectStore

    return ObjectStore(storage)


@pytest.fixture
def paths(tmp_path):
    """Use a folder of the test's own as the volume that the steps share."""
    from mnist_workload.configuration import WorkloadPaths

    return WorkloadPaths(workdir=tmp_path / "volume")


@pytest.fixture
def environment(monkeypatch, storage, paths):
    """Set the variables that a step of the pipeline gets."""
    values = {
        "AWS_S3_ENDPOINT": storage.endpoint,
        "AWS_S3_BUCKET": storage.bucket,
        "AWS_ACCESS_KEY_ID": storage.access_key_id,
        "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "MNIST_WORKDIR": str(paths.workdir),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def _client(settings):
    from lab_ground.connections import DataConnection
    from lab_ground.s3 import open_client

    return open_client(DataConnection(bucket="", **settings))


def _wait_for_store(settings, process: subprocess.Popen, log: Path) -> None:
    """Wait until the store keeps what it is given, which comes after its port answers."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = _client(settings)

    def keeps() -> bool:
        client.create_bucket(Bucket="ready")
        client.put_object(Bucket="ready", Key="probe", Body=b"ready")
        return True

    wait_until_up(process, keeps, 60, log, excused=(ClientError, BotoCoreError))
