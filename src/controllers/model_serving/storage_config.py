"""The Secret `storage-config`: every data connection of the project as the puller reads it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from lab_ground.serving.constants import STORAGE_CONFIG

MANAGED_LABEL = "opendatahub.io/managed"
_REQUIRED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_S3_ENDPOINT")


def read_connections(secrets: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """The S3 data connections among the Secrets, by name."""
    connections = {}
    for secret in secrets:
        metadata = secret["metadata"]
        if metadata["name"] == STORAGE_CONFIG or metadata.get("deletionTimestamp"):
            continue
        if (metadata.get("labels") or {}).get(MANAGED_LABEL) != "true":
            continue
        values = _decode(secret.get("data") or {})
        if not all(values.get(key) for key in _REQUIRED):
            continue
        connections[metadata["name"]] = {
            "type": "s3",
            "access_key_id": values["AWS_ACCESS_KEY_ID"],
            "secret_access_key": values["AWS_SECRET_ACCESS_KEY"],
            "endpoint_url": values["AWS_S3_ENDPOINT"],
            "default_bucket": values.get("AWS_S3_BUCKET", ""),
            "bucket": values.get("AWS_S3_BUCKET", ""),
            "region": values.get("AWS_DEFAULT_REGION", ""),
        }
    return connections


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


def _decode(data: Mapping[str, str]) -> dict[str, str]:
    values = {}
    for key, value in data.items():
        try:
            values[key] = base64.b64decode(value).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return values
