"""A lock file that ends with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lab_ground.processes import start_time
from lab_playbook.outcome import Arguments, Result, TaskError


def holder(path: Path) -> int:
    """Return the number of the living process that holds the lock, or 0."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        pid, started = int(entry["pid"]), int(entry["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return pid if start_time(pid) == started else 0


@contextlib.contextmanager
def locked(path: Path) -> Iterator[IO[str]]:
    """Open the lock file for one process at a time; yield it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                same = os.fstat(file.fileno()).st_ino == path.stat().st_ino
            except FileNotFoundError:
                same = False
            # Otherwise it was given back, and removed, while this one waited for it.
            if same:
                yield file
                return


def take(path: Path, pid: int) -> bool:
    """Write the lock for ``pid``; return False where another was faster.

    Whether it is stale is asked under the file's own lock: of two that find a stale one at once,
    the second finds the first one's.
    """
    with locked(path) as file:
        if holder(path):
            return False
        file.truncate(0)
        file.write(json.dumps({"pid": pid, "started": start_time(pid)}))
    return True


def give_back(path: Path, pid: int) -> None:
    """Remove the lock where ``pid`` holds it."""
    if holder(path) == pid:
        with locked(path):
            if holder(path) == pid:
                path.unlink()


def hold(arguments: Arguments, check_mode: bool) -> Result:
    """The task ``lab_lock``: take the lock for a process, or give it back.

    Raises:
        TaskError: there is no such process, or another one holds the lock.
    """
    path, pid = Path(arguments["path"]), arguments["pid"]
    if start_time(pid) is None:
        raise TaskError(f"there is no process {pid} that could hold {path}")
    present = holder(path)
    if arguments["state"] == "free":
        if not check_mode:
            give_back(path, pid)
        return {"changed": present == pid, "holder": 0 if present == pid else present}
    if present == pid:
        return {"holder": pid}
    if present or (not check_mode and not take(path, pid)):
        raise TaskError(
            f"process {present or holder(path)} holds {path}: another run is under way; "
            "wait for it to end"
        )
    return {"changed": True, "holder": pid}
