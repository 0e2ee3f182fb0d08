"""Buckets as declared state, made with the admin's credential over S3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lab_ground.connections import DEFAULT_REGION, DataConnection
from lab_ground.s3 import Bucket, Kind, StoreError, open_client, told

# What a store says of a bucket that is there already.
_MADE = ("BucketAlreadyOwnedByYou", "BucketAlreadyExists")


class ObjectStoreError(Exception):
    """The store is unreachable or refused; the message names which and why."""

    def __init__(self, message: str, kind: Kind) -> None:
        super().__init__(message)
        self.kind = kind


def connect(
    endpoint: str, access_key: str, secret_key: str, region: str = DEFAULT_REGION, bucket: str = ""
) -> Any:
    """Return an S3 client with short, bounded waits.

    Raises:
        StoreError: the endpoint is no address.
    """
    connection = DataConnection(endpoint, bucket, access_key, secret_key, region)
    return open_client(connection, read_timeout=10, attempts=1)


def check_access(connection: DataConnection) -> None:
    """Raise ObjectStoreError, saying what is wrong, unless a connection's key opens its bucket."""
    try:
        Bucket(connection, read_timeout=10, attempts=1).check()
    except StoreError as error:
        where = f"bucket {connection.bucket!r}, with the key {connection.access_key_id[:4]}…"
        raise ObjectStoreError(f"{where}: {error}", error.kind) from error


def ensure_buckets(
    endpoint: str, access_key: str, secret_key: str, buckets: Iterable[str]
) -> list[str]:
    """Make the buckets that do not exist yet; return the names of those made."""
    made: list[str] = []
    try:
        client = connect(endpoint, access_key, secret_key)
        with told(endpoint):
            existing = {bucket["Name"] for bucket in client.list_buckets().get("Buckets", [])}
        for bucket in buckets:
            if bucket not in existing:
                _make(client, endpoint, bucket)
                made.append(bucket)
    except StoreError as error:
        raise ObjectStoreError(str(error), error.kind) from error
    return made


def _make(client: Any, endpoint: str, bucket: str) -> None:
    try:
        with told(endpoint, bucket):
            client.create_bucket(Bucket=bucket)
    except StoreError as error:
        if error.code not in _MADE:
            raise
