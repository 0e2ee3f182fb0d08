"""What a puller is told: models to serve, and where they lie."""

from __future__ import annotations

import json

from model_puller.model import ModelSpec

from .object_store import ACCESS_KEY, ObjectStore


def config(store: ObjectStore, **changes: str) -> dict[str, str]:
    """The Secret `storage-config` with one data connection."""
    connection = {
        "type": "s3",
        "access_key_id": ACCESS_KEY,
        "secret_access_key": "secret",
        "endpoint_url": store.endpoint,
        "bucket": "rhods",
        "region": "",
        **changes,
    }
    return {"s3-creds": json.dumps(connection)}


def spec(path: str = "onnx/model-v2.onnx", name: str = "mnist", revision: str = "r1") -> ModelSpec:
    return ModelSpec(name, f"{name}__isvc-{revision}", "s3-creds", path)
