"""Which of a bucket's objects make up a model, and which stand beside it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from model_puller.errors import PullError

MAX_FILES = 64
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class Listing:
    """The objects that make up a model and the sidecars beside it."""

    files: dict[str, tuple[str, int]]
    """Path in the model's folder to key and size."""
    main: str
    sidecars: tuple[str, ...]

    def version(self, tags: Mapping[str, str]) -> str:
        """One checksum over the objects as they are now: another one is another model."""
        parts = [[key, size, tags.get(key, "")] for key, size in sorted(self.files.values())]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def sidecars_of(key: str) -> tuple[str, ...]:
    """Where a model's checksum may stand."""
    return f"{key}.sha256", f"{key}.json", f"{key.removesuffix('.onnx')}.json"


def belongs(key: str, path: str) -> bool:
    """Whether an object can be part of the model at `path`, or stand beside it."""
    return key == path or key.startswith(f"{path}/") or key in sidecars_of(path)


def choose_files(
    path: str, sizes: Mapping[str, int], bucket: str, *, versions_only: bool = False
) -> Listing:
    """Which of the listed objects the model at `path` is: one object, or a folder's files.

    `versions_only` is OpenVINO Model Server's rule for its model path: numbered folders count,
    and nothing else does (src/modelinstance.cpp, src/modelmanager.cpp: readAvailableVersions).
    """
    if versions_only:
        sizes = _without_unversioned(path, sizes, bucket)
    if path in sizes:
        sidecars = tuple(dict.fromkeys(key for key in sidecars_of(path) if key in sizes))
        name = PurePosixPath(path).name
        return Listing({name: (path, sizes[path])}, name, sidecars)
    prefix = f"{path}/"
    inside = {
        key.removeprefix(prefix): size
        for key, size in sizes.items()
        if key.startswith(prefix) and not key.endswith("/")
    }
    inside = _latest_version(inside)
    if len(inside) > MAX_FILES:
        raise PullError(f"s3://{bucket}/{prefix} has more than {MAX_FILES} files", retry=False)
    models = sorted(name for name in inside if name.endswith(".onnx"))
    if not models:
        raise PullError(f"no object at s3://{bucket}/{path}")
    mains = [name for name in models if PurePosixPath(name).name == "model.onnx"] or models
    if len(mains) > 1:
        raise PullError(f"s3://{bucket}/{prefix} has several models: {', '.join(mains[:5])}")
    for name in inside:
        if ".." in PurePosixPath(name).parts or name.startswith("/"):
            raise PullError(f"object name '{name}' leaves the model's folder", retry=False)
    files = {name: (prefix + name, size) for name, size in inside.items()}
    main = mains[0]
    return Listing(files, main, tuple(prefix + n for n in sidecars_of(main) if n in inside))


def _without_unversioned(path: str, sizes: Mapping[str, int], bucket: str) -> dict[str, int]:
    versioned = {
        key: size
        for key, size in sizes.items()
        if re.match(r"\d+/", key.removeprefix(f"{path}/")) and key.startswith(f"{path}/")
    }
    if not versioned and any(key == path or key.startswith(f"{path}/") for key in sizes):
        what = "is a file" if path in sizes else "has no numbered folder"
        raise PullError(
            f"s3://{bucket}/{path} {what}: a server of one model loads version folders only; "
            "store the model as FOLDER/1/model.onnx and name FOLDER",
            retry=False,
        )
    return versioned


def wanted_sum(key: str, body: bytes) -> str | None:
    """The sha256 that a sidecar states, if it states one."""
    if key.endswith(".json"):
        try:
            found = json.loads(body)
        except ValueError:
            return None
        value = found.get("sha256") if isinstance(found, dict) else None
        if isinstance(value, dict):
            value = value.get("model") or value.get(PurePosixPath(key).stem + ".onnx")
        return value.lower() if isinstance(value, str) else None
    match = _SHA256.search(body.decode("utf-8", "replace").lower())
    return match[0] if match else None


def _latest_version(inside: dict[str, int]) -> dict[str, int]:
    """Only the highest of numbered version folders, which OVMS's and Triton's layouts have."""
    versions = {int(name.split("/", 1)[0]) for name in inside if re.match(r"\d+/", name)}
    if not versions or any(name.endswith(".onnx") and "/" not in name for name in inside):
        return inside
    newest = max(versions)
    return {
        name: size
        for name, size in inside.items()
        if re.match(r"\d+/", name) and int(name.split("/", 1)[0]) == newest
    }
