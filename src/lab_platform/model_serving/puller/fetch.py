"""Brings one model into its folder, checked and described, ready for the server to load."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from lab_platform.model_serving.puller.errors import PullError
from lab_platform.model_serving.puller.model import Connection, ModelSpec
from lab_platform.model_serving.puller.storage import ModelStore

Check = Callable[[Path, int | None], None]


def connection_for(spec: ModelSpec, storage_config: Mapping[str, str]) -> Connection:
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
    return Connection.from_json(found)


def fetch(
    spec: ModelSpec,
    connection: Connection,
    target: Path,
    *,
    max_bytes: int,
    memory_bytes: int | None,
    check: Check,
) -> str:
    """Download and check the model; it appears at `target` whole or not at all."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        main = ModelStore(spec, connection).download(partial, max_bytes)
        check(partial / main, memory_bytes)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as error:
        raise PullError(f"cannot keep the model: {error.strerror}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return main
