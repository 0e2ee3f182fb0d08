"""A project's bucket, reached through its Route with the keys of its data connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from kubernetes.config import ConfigException

from lab_diagnosis.collect import explain_error
from lab_ground import connections
from lab_ground.kubernetes.client import open_client
from lab_ground.kubernetes.errors import ApiError
from lab_ground.s3 import Bucket, Kind, StoreError
from lab_playbook.outcome import Arguments, TaskError

Answer = TypeVar("Answer")

TIMES = {"connect_timeout": 5, "attempts": 3}
# What a store says where there is no such object, or no such bucket.
ABSENT = (Kind.OBJECT, Kind.BUCKET)


CONNECTION_ARGUMENTS: dict[str, dict[str, Any]] = {
    "data_connection": {"type": "str", "default": "aws-connection-s3-creds"},
    "ca_certificate": {"type": "str", "default": ""},
}


def bucket_arguments() -> dict[str, dict[str, Any]]:
    """Return the arguments with which a module reaches a bucket."""
    return {
        "url": {"type": "str", "required": True},
        "namespace": {"type": "str", "required": True},
        **CONNECTION_ARGUMENTS,
    }


def find_bucket(arguments: Arguments) -> Bucket | None:
    """Return the bucket that a task's arguments describe; None without a data connection.

    Raises:
        TaskError: the data connection cannot be read, or has a value that cannot be right.
    """
    name, namespace = arguments["data_connection"], arguments["namespace"]
    try:
        secret = open_client(arguments.get("kubeconfig") or "").get("v1", "Secret", name, namespace)
    except (ApiError, ConfigException) as error:
        told = explain_error(error)
        sentence = f"The data connection {namespace}/{name} cannot be read: {told}"
        raise TaskError(sentence) from error
    if secret is None:
        return None
    values, faults = connections.decode_secret(secret)
    try:
        if wrong := {key: faults[key] for key in connections.FIELDS if key in faults}:
            raise connections.DataConnectionError(name, wrong)
        # From here the store is reached by its Route; the Secret has its address in the cluster.
        connection = connections.read_connection(
            {**values, connections.ENDPOINT: arguments["url"]},
            name=name,
            called={connections.ENDPOINT: "url"},
        )
        return Bucket(connection, ca=arguments["ca_certificate"], **TIMES)
    except (connections.DataConnectionError, StoreError) as error:
        raise TaskError(f"{str(error)[:1].upper()}{str(error)[1:]}") from error


def open_bucket(arguments: Arguments) -> Bucket:
    """Return the bucket that a task's arguments describe.

    Raises:
        TaskError: there is no such data connection, or it cannot be read or used.
    """
    bucket = find_bucket(arguments)
    if bucket is None:
        raise TaskError(
            f"The data connection {arguments['namespace']}/{arguments['data_connection']} "
            "is not there: prepare the lab first (./lab run prepare-lab)."
        )
    return bucket


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Turn what a store refuses within the block into ``what``, a colon, and what it said."""
    try:
        yield
    except (StoreError, OSError) as error:
        raise TaskError(f"{what}: {error}") from error


def read_object(bucket: Bucket, key: str) -> bytes | None:
    """Return an object's bytes, or None where there is no such object, or no such bucket."""
    return _unless_absent(bucket.read, key)


def look_at_object(bucket: Bucket, key: str) -> dict[str, Any] | None:
    """Return what the store tells of an object, or None where there is no such object."""
    return _unless_absent(bucket.head, key)


def _unless_absent(ask: Callable[[str], Answer], key: str) -> Answer | None:
    try:
        return ask(key)
    except StoreError as error:
        if error.kind in ABSENT:
            return None
        raise
