"""Brings one model into its folder, checked and described, ready for the server to load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab_ground.connections import DataConnection
from model_puller.errors import PullError
from model_puller.model import ModelSpec, read_entry
from model_puller.storage import ModelStore

Check = Callable[[Path, int | None], None]


def connection_for(spec: ModelSpec, storage_config: Mapping[str, str]) -> DataConnection:
    """The data connection that the model names."""
    text = storage_config.get(spec.storage_key)
    if text is None:
        raise PullError(
            f"no data connection '{spec.storage_key}'; there are: "
            f"{', '.join(sorted(storage_config)) or 'none'}"
        )
    try:
        found = json.loads(text)
    except ValueError as error:
        raise PullError(f"data connection '{spec.storage_key}' is not JSON") from error
    return read_entry(found, spec.storage_key)


@dataclass(frozen=True)
class Fetched:
    """A model in its folder."""

    version: str
    """What the objects were; another one is another model."""
    name: str
    """The revision's own name, and its folder's."""
    file: str
    """The file to load, from the model's folder."""


def fetch(
    spec: ModelSpec,
    connection: DataConnection,
    folder: Path,
    *,
    max_bytes: int,
    memory_bytes: int | None,
    check: Check,
    versions_only: bool = False,
) -> Fetched:
    """Download and check the model; its revision appears in `folder` whole or not at all."""
    partial = folder / f".{spec.revision}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        store = ModelStore(spec, connection, versions_only=versions_only)
        listing, version = store.look()
        store.download(listing, partial, max_bytes)
        check(partial / listing.main, memory_bytes)
        name = spec.served_as(version)
        shutil.rmtree(folder / name, ignore_errors=True)
        partial.rename(folder / name)
    except OSError as error:
        raise PullError(f"cannot keep the model: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Fetched(version, name, f"{name}/{listing.main}")
