"""Files that pass between steps: written whole or not at all, read without pickle."""

from __future__ import annotations

import json
import zipfile
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lab_ground import files
from mnist_workload.errors import DataError, ForeignFileError, TruncatedFileError

# Other steps and the workbench share the volume by its group.
GROUP_MODE = 0o664


def written_whole(path: Path) -> AbstractContextManager[IO[bytes]]:
    """Give a file that takes the name ``path`` only when the block ends without an error."""
    return files.written_whole(path, GROUP_MODE, durable=True)


def save_arrays(path: Path, **arrays: NDArray[Any]) -> None:
    """Write named arrays to an ``.npz`` file; arrays of Python objects are refused."""
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise DataError(str(path), f"array {name} holds Python objects, only numbers may pass")
    contents: dict[str, Any] = dict(arrays)
    with written_whole(path) as stream:
        np.savez(stream, allow_pickle=False, **contents)


def load_arrays(path: Path, *names: str) -> dict[str, NDArray[Any]]:
    """Read the named arrays of an ``.npz`` file, all of them when none is named."""
    if not path.is_file():
        raise DataError(str(path), "no such file: has the step that writes it run?")
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive.files]
            if missing:
                raise ForeignFileError(str(path), f"holds no array {', '.join(missing)}")
            return {name: archive[name] for name in names or archive.files}
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise TruncatedFileError(str(path), f"is no whole .npz file ({error})") from error
    except (ValueError, TypeError) as error:
        raise ForeignFileError(str(path), f"is no .npz file of numbers ({error})") from error


def save_json(path: Path, document: object) -> None:
    """Write a JSON file, whole or not at all."""
    with written_whole(path) as stream:
        stream.write(json.dumps(document, indent=2, sort_keys=True).encode() + b"\n")
