"""The repository that learners clone."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from lab_ground import web
from model_repository.__main__ import build_routes
from model_repository.objects import build_files


@pytest.fixture
def source(tmp_path):
    directory = tmp_path / "source"
    (directory / "notebooks" / "todo").mkdir(parents=True)
    (directory / "README.md").write_text("Read me\n")
    (directory / "notebooks" / "todo" / "Train.ipynb").write_text("{}")
    (directory / "notebooks-a").write_text("sorted before the directory\n")
    (directory / "..data").mkdir()
    return directory


def test_same_files_make_the_same_commit(source):
    first = build_files(source, "message")
    assert build_files(source, "message") == first
    assert re.fullmatch(rb"[0-9a-f]{40}\trefs/heads/main\n", first["info/refs"])
    (source / "README.md").write_text("Other\n")
    assert build_files(source, "message")["info/refs"] != first["info/refs"]


def test_git_clones_it(source, tmp_path):
    if shutil.which("git") is None:
        pytest.fail("git is not installed: the repository cannot be tried")
    server = web.serve(0, build_routes(source, "lab"))
    port = server.server_address[1]
    try:
        for name in ("lab.git", "lab"):
            clone = tmp_path / f"clone-of-{name}"
            subprocess.run(
                ["git", "clone", "-q", f"http://127.0.0.1:{port}/{name}", str(clone)],
                check=True,
                timeout=30,
            )
            subprocess.run(["git", "-C", str(clone), "fsck", "--strict"], check=True, timeout=30)
            assert (clone / "notebooks" / "todo" / "Train.ipynb").read_text() == "{}"
            assert not (clone / "..data").exists()
    finally:
        server.shutdown()
        server.server_close()
