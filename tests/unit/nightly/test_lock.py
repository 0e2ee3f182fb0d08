"""The nightly lock: one holder, and none once its process has ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from lab_playbook import lock as lock_file


@pytest.fixture(name="other")
def other_process() -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_the_lock_is_taken_once(tmp_path: Path, other: subprocess.Popen) -> None:
    lock = tmp_path / "deep" / "lock"
    assert lock_file.take(lock, os.getpid())
    assert lock_file.holder(lock) == os.getpid()
    assert not lock_file.take(lock, other.pid)
    assert lock_file.holder(lock) == os.getpid()


def test_a_killed_holder_does_not_block_the_next(tmp_path: Path, other: subprocess.Popen) -> None:
    lock = tmp_path / "lock"
    assert lock_file.take(lock, other.pid)
    other.kill()
    other.wait()
    assert lock_file.holder(lock) == 0
    assert lock_file.take(lock, os.getpid())


def test_a_number_that_belongs_to_another_process_now_does_not_hold(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text(json.dumps({"pid": os.getpid(), "started": 1}))
    assert lock_file.holder(lock) == 0


def test_a_damaged_lock_is_free(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("{")
    assert lock_file.holder(lock) == 0
    assert lock_file.take(lock, os.getpid())
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_of_two_that_find_a_stale_lock_at_once_one_takes_it(
    tmp_path: Path, other: subprocess.Popen, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "lock"
    lock.write_text(json.dumps({"pid": 1, "started": -1}))
    both, look = threading.Barrier(2), lock_file.holder

    def look_together(path: Path) -> int:
        found = look(path)
        with suppress(threading.BrokenBarrierError):
            both.wait(timeout=0.5)
        return found

    monkeypatch.setattr(lock_file, "holder", look_together)
    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(lambda pid: lock_file.take(lock, pid), [os.getpid(), other.pid]))
    assert sorted(taken) == [False, True]
    assert look(lock) == [os.getpid(), other.pid][taken.index(True)]


def test_only_its_holder_gives_it_back(tmp_path: Path, other: subprocess.Popen) -> None:
    lock = tmp_path / "lock"
    assert lock_file.take(lock, other.pid)
    lock_file.give_back(lock, os.getpid())
    assert lock_file.holder(lock) == other.pid
    lock_file.give_back(lock, other.pid)
    assert not lock.exists()
