"""Processes of this machine, told apart for good: by number and time of their start."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path


def _fields(pid: int | str) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the state on, or None where it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The command in parentheses may hold spaces: count from the last parenthesis.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else fields


def numbers() -> Iterator[int]:
    """Give the numbers of all processes."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            yield int(entry.name)


def alive(pid: int | str) -> bool:
    """Tell whether a process runs; a zombie does not."""
    return _fields(pid) is not None


def start_time(pid: int | str) -> int | None:
    """Return a process's start in clock ticks since boot, or None where it has ended.

    Source: proc(5), /proc/PID/stat field 22. With the number it names a process for good.
    """
    fields = _fields(pid)
    return int(fields[19]) if fields else None


def family(pids: Iterable[int]) -> dict[int, int]:
    """Return {number: start} of processes and of all that they started, at any depth."""
    starts: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for number in numbers():
        if fields := _fields(number):
            starts[number] = int(fields[19])
            children.setdefault(int(fields[1]), []).append(number)
    found: dict[int, int] = {}
    queue = list(pids)
    while queue:
        number = queue.pop()
        if number in starts and number not in found:
            found[number] = starts[number]
            queue += children.get(number, ())
    return found


def descendants(pids: Iterable[int]) -> list[int]:
    """Return children, grandchildren and so on of processes."""
    parents = set(pids)
    return [number for number in family(parents) if number not in parents]


class Watched:
    """A process and what it started: alive until the last of them has ended.

    What a killed process leaves behind goes on by itself and is still its work, for a while.
    """

    def __init__(self, pid: int, linger: float = 300) -> None:
        """Watch the process ``pid``, which lives now; what outlives it counts ``linger`` s."""
        self.pid, self.started = pid, start_time(pid)
        self.known: dict[int, int | None] = {pid: self.started}
        self.linger = linger
        self.ended: float | None = None

    def lives(self) -> bool:
        """Tell whether any of them lives, and look whom they started since."""
        alive = [pid for pid, at in self.known.items() if start_time(pid) == at]
        self.known = dict(family(alive))
        # Who watches may have been started by it, and would wait for its own end.
        self.known.pop(os.getpid(), None)
        if self.pid not in self.known and self.ended is None:
            self.ended = time.monotonic()
        return bool(self.known) and (
            self.ended is None or time.monotonic() < self.ended + self.linger
        )
