"""The nightly lock: one holder, and none once its process has ended."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

MODULE = Path(__file__).resolve().parents[3] / "plugins" / "modules" / "lab_lock.py"


def load() -> ModuleType:
    specification = importlib.util.spec_from_file_location("lab_lock", MODULE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


lab_lock = load()


@pytest.fixture(name="other")
def other_process() -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_the_lock_is_taken_once(tmp_path: Path, other: subprocess.Popen) -> None:
    lock = tmp_path / "deep" / "lock"
    assert lab_lock.take(lock, os.getpid())
    assert lab_lock.holder(lock) == os.getpid()
    assert not lab_lock.take(lock, other.pid)
    assert lab_lock.holder(lock) == os.getpid()


def test_a_killed_holder_does_not_block_the_next(tmp_path: Path, other: subprocess.Popen) -> None:
    lock = tmp_path / "lock"
    assert lab_lock.take(lock, other.pid)
    other.kill()
    other.wait()
    assert lab_lock.holder(lock) == 0
    assert lab_lock.take(lock, os.getpid())


def test_a_number_that_belongs_to_another_process_now_does_not_hold(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(json.dumps({"pid": os.getpid(), "started": 1}))
    assert lab_lock.holder(lock) == 0


def test_a_damaged_lock_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("{")
    assert lab_lock.holder(lock) == 0
    assert lab_lock.take(lock, os.getpid())
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]
