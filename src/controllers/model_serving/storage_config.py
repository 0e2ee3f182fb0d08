"""The Secret `storage-config`: every data connection of the project as the puller reads it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any

from lab_ground.connections import (
    DataConnection,
    DataConnectionError,
    is_connection,
    read_secret,
)
from lab_ground.serving.constants import STORAGE_CONFIG

MANAGED_LABEL = "opendatahub.io/managed"


def read_connections(
    secrets: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """The S3 data connections among the Secrets, by name, and why others cannot be used."""
    found: dict[str, dict[str, str]] = {}
    faults: dict[str, str] = {}
    for secret in secrets:
        metadata = secret["metadata"]
        if metadata["name"] == STORAGE_CONFIG or metadata.get("deletionTimestamp"):
            continue
        if (metadata.get("labels") or {}).get(MANAGED_LABEL) != "true":
            continue
        if not is_connection(secret):
            faults[metadata["name"]] = f"Secret '{metadata['name']}' is no data connection to S3"
            continue
        try:
            found[metadata["name"]] = _entry(read_secret(secret, needs_bucket=False))
        except DataConnectionError as error:
            faults[metadata["name"]] = str(error)
    return found, faults


def _entry(connection: DataConnection) -> dict[str, str]:
    return {
        "type": "s3",
        "access_key_id": connection.access_key_id,
        "secret_access_key": connection.secret_access_key,
        "endpoint_url": connection.endpoint,
        "default_bucket": connection.bucket,
        "bucket": connection.bucket,
        "region": connection.region,
    }


def build_storage_config(
    namespace: str, connections: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Build the Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": STORAGE_CONFIG,
            "namespace": namespace,
            "labels": {MANAGED_LABEL: "true"},
        },
        "type": "Opaque",
        "data": {
            name: base64.b64encode(json.dumps(connection, sort_keys=True).encode()).decode()
            for name, connection in sorted(connections.items())
        },
    }
