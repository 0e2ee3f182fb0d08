"""What MNIST's four files must be, byte for byte. Needs nothing but Python itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mnist_workload.errors import DataError, ForeignFileError

CHECKSUMS: Mapping[str, str] = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the four IDX files, unpacked."""

_BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def verify_checksums(folder: Path, checksums: Mapping[str, str] | None = None) -> None:
    """Check the IDX files in ``folder``: all present, each the one expected."""
    for name, checksum in (CHECKSUMS if checksums is None else checksums).items():
        path = folder / name
        if not path.is_file():
            raise DataError(str(path), "no such file")
        actual = sha256_of(path)
        if actual != checksum:
            raise ForeignFileError(str(path), f"its SHA-256 is not {checksum}", value=actual)
