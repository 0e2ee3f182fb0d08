"""The bucket: against a real object store, and every way in which it can refuse."""

from __future__ import annotations

import dataclasses
import os

import boto3.exceptions
import botocore.exceptions
import pytest
from ports import free_port

from mnist_workload.errors import (
    BucketMissingError,
    CredentialsError,
    EndpointError,
    ObjectMissingError,
    StorageError,
)
from mnist_workload.storage import ObjectStore, load_storage_configuration


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"some bytes")
    return path


def test_a_file_goes_and_comes_back(store, file, tmp_path):
    store.check()
    store.upload(file, "data/file.bin", {"sha256": "abc"})
    assert store.metadata("data/file.bin") == {"sha256": "abc"}
    assert store.keys("data/") == ["data/file.bin"]
    again = store.download("data/file.bin", tmp_path / "again" / "file.bin")
    assert again.read_bytes() == b"some bytes"


def test_copies_keep_their_metadata(store, file):
    store.upload(file, "one", {"sha256": "abc"})
    store.copy("one", "two")
    store.delete("one")
    store.delete("one")
    assert store.keys() == ["two"]
    assert store.metadata("two") == {"sha256": "abc"}
    assert store.metadata("one") is None


def test_an_object_that_is_missing(store, tmp_path):
    with pytest.raises(ObjectMissingError, match="nothing/here"):
        store.download("nothing/here", tmp_path / "file")
    with pytest.raises(ObjectMissingError, match="nothing/here"):
        store.copy("nothing/here", "there")
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_is_missing(storage, file):
    store = ObjectStore(dataclasses.replace(storage, bucket="nonesuch"))
    with pytest.raises(BucketMissingError, match="bucket nonesuch"):
        store.check()
    with pytest.raises(BucketMissingError, match="bucket nonesuch"):
        store.upload(file, "key")


@pytest.mark.parametrize("change", [{"secret_access_key": "wrong"}, {"access_key_id": "wrong"}])
def test_wrong_credentials(storage, change, file):
    store = ObjectStore(dataclasses.replace(storage, **change))
    with pytest.raises(CredentialsError, match="check the access key and the secret key"):
        store.check()
    with pytest.raises(CredentialsError):
        store.upload(file, "key")
    with pytest.raises(CredentialsError):
        store.metadata("key")


@pytest.fixture
def dead_endpoint():
    """Return an address at which nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


def test_an_endpoint_that_is_down(storage, dead_endpoint, file):
    store = ObjectStore(dataclasses.replace(storage, endpoint=dead_endpoint))
    with pytest.raises(EndpointError, match=r"127.0.0.1:\d+, bucket .*does not answer"):
        store.check()
    with pytest.raises(EndpointError):
        store.upload(file, "key")


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp:/x", ""])
def test_an_endpoint_that_is_no_address(storage, endpoint):
    with pytest.raises(EndpointError):
        ObjectStore(dataclasses.replace(storage, endpoint=endpoint)).check()


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (botocore.exceptions.NoCredentialsError(), CredentialsError),
        (botocore.exceptions.ParamValidationError(report="bad"), StorageError),
        (boto3.exceptions.S3UploadFailedError("half sent"), StorageError),
        (
            botocore.exceptions.ClientError({"Error": {"Code": "SlowDown"}}, "PutObject"),
            StorageError,
        ),
    ],
)
def test_rarer_failures_are_named_too(store, monkeypatch, raised, expected):
    def fail(**_):
        raise raised

    monkeypatch.setattr(store._bucket.client, "list_objects_v2", fail)
    with pytest.raises(expected, match="bucket test-") as caught:
        store.check()
    assert caught.type is expected


def test_the_data_connection_is_read_from_the_environment(environment, storage):
    assert load_storage_configuration() == storage


def test_no_secret_is_shown(storage):
    assert storage.secret_access_key not in repr(storage)


def test_a_variable_that_is_missing_is_named():
    with pytest.raises(CredentialsError, match=r"BUCKET is not set; AWS_SECRET_ACCESS_KEY is not"):
        load_storage_configuration({"AWS_S3_ENDPOINT": "http://x", "AWS_ACCESS_KEY_ID": "me"})


def test_the_region_has_a_default():
    wanted = ("AWS_S3_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    values = {"AWS_S3_ENDPOINT": "http://x", **dict.fromkeys(wanted, "x")}
    assert load_storage_configuration(values).region == "us-east-1"


@pytest.mark.parametrize(
    "name", ["AWS_S3_ENDPOINT", "AWS_S3_BUCKET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
)
def test_a_newline_behind_a_value_makes_no_difference(environment, storage, monkeypatch, name):
    monkeypatch.setenv(name, os.environ[name] + "\n")
    assert load_storage_configuration() == storage
    ObjectStore(load_storage_configuration()).check()


def test_a_value_that_cannot_be_right_is_told_by_its_name(environment, monkeypatch):
    monkeypatch.setenv("AWS_S3_ENDPOINT", "minio:9000")
    with pytest.raises(CredentialsError, match=r"^AWS_S3_ENDPOINT is 'minio:9000', which does not"):
        load_storage_configuration()
