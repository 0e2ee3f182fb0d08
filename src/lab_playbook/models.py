"""What is in a bucket of a model, what it was made from, and what it would be made from now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_ground.s3 import Bucket, StoreError
from lab_playbook.buckets import ABSENT, find_bucket, look_at_object, read_object, telling
from lab_playbook.outcome import Arguments, Result

CODE = (".py", ".ipynb", ".pipeline")


@dataclass(frozen=True)
class StoredModel:
    """A model in a bucket: SHA-256, bytes, and the JSON beside it, empty where it has none."""

    sha256: str = ""
    size: int = 0
    sidecar: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Tell whether both the model and its JSON are there."""
        return bool(self.sha256 and self.sidecar)

    @property
    def accuracy(self) -> float:
        """The accuracy that the JSON tells; 0 where it tells none."""
        try:
            return float(self.sidecar.get("accuracy") or 0)
        except (TypeError, ValueError):
            return 0.0


def read_model(bucket: Bucket | None, key: str) -> StoredModel:
    """Return what is known of the model at a key."""
    model = read_object(bucket, key) if bucket else None
    described = read_object(bucket, key.removesuffix(".onnx") + ".json") if bucket else None
    try:
        sidecar = json.loads(described) if described else {}
    except ValueError:
        sidecar = {}
    sidecar = sidecar if isinstance(sidecar, dict) else {}
    if model is None:
        return StoredModel(sidecar=sidecar)
    return StoredModel(hashlib.sha256(model).hexdigest(), len(model), sidecar)


def list_files(path: str | Path) -> list[Path]:
    """Return the files at or below a path that are code or notebooks, sorted."""
    root = Path(path)
    if root.is_file():
        return [root]
    return sorted(
        file
        for file in root.rglob("*")
        if file.suffix in CODE and ".ipynb_checkpoints" not in file.parts
    )


def compute_fingerprint(tags: Sequence[str], sources: Iterable[str | Path], profile: str) -> str:
    """Return one SHA-256 over the data's entity tags, the code and the profile."""
    digest = hashlib.sha256(json.dumps([list(tags), profile]).encode())
    for source in sources:
        for file in list_files(source):
            digest.update(f"{file.name}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def read_tag(bucket: Bucket, key: str) -> str:
    """Return an object's entity tag, or nothing where there is no such object."""
    told = look_at_object(bucket, key)
    return str(told["ETag"]) if told else ""


def compute_checksum(bucket: Bucket, key: str) -> str:
    """Return the SHA-256 of an object, or nothing where there is no such object."""
    digest = hashlib.sha256()
    try:
        for piece in bucket.stream(key):
            digest.update(piece)
    except StoreError as error:
        if error.kind in ABSENT:
            return ""
        raise
    return digest.hexdigest()


def read_checksums(arguments: Arguments, check_mode: bool) -> Result:
    """The task ``lab_model_checksums``: SHA-256 of each namespace's model, empty where none is."""
    del check_mode
    checksums = {}
    for namespace in arguments["namespaces"]:
        url = arguments["url"].replace("{namespace}", namespace)
        bucket = find_bucket({**arguments, "namespace": namespace, "url": url})
        with telling(f"The object store at {url} cannot be read"):
            checksums[namespace] = compute_checksum(bucket, arguments["key"]) if bucket else ""
    return {"checksums": checksums}
