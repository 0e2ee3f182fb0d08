"""How long the phases of a playbook take: this run's times against the usual ones."""

from __future__ import annotations

import contextlib
import functools
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab_ground.files import write_json
from lab_ground.machine_speed import slowness

Times = dict[str, dict[str, list[float]]]
# Seconds that a phase takes on a machine of the reference speed whose cache is empty, and when
# there is nothing to do. Scaled by this machine's own speed until it has figures.
USUAL: dict[str, dict[str, float]] = {
    "Check what the inventory asks for": {"first": 1, "again": 1},
    "Cluster": {"first": 325, "again": 2},
    "Build the lab's images": {"first": 296, "again": 2},
    "Install the platform": {"first": 45, "again": 11},
    "Prepare the lab": {"first": 40, "again": 6},
    "Train the model": {"first": 232, "again": 1},
    "Serve the model": {"first": 15, "again": 2},
    "Deploy the page and its function": {"first": 15, "again": 3},
}
# How many runs of a phase are remembered: enough that one odd run is not what is told.
REMEMBERED = 5


def clock(seconds: float) -> str:
    """1:05 for 65 seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def usual_text(first: float | None, again: float | None) -> str:
    """How long a phase usually takes, in words.

    A phase that changes one thing takes less than one that makes all, so the former is a limit.
    """
    if first and again and clock(first) != clock(again):
        return f"usually up to {clock(first)}, or {clock(again)} when there is nothing to do"
    if first or again:
        return f"usually {clock(first or again or 0)}"
    return "not timed on this machine yet"


class PhaseTimes:
    """The usual times of this machine, kept in a file of the cache where there is one.

    `slowness` tells how many times longer this machine takes than the one of `USUAL`; it is asked
    only for a phase that this machine has no figure of.
    """

    def __init__(self, file: Path, slowness: Callable[[], float] = slowness) -> None:
        self._file = file
        self._slowness = functools.cache(slowness)
        self._times: Times = {}
        with contextlib.suppress(OSError, ValueError):
            self._times = _read(json.loads(file.read_text()))

    def usual(self, phase: str) -> str:
        """How long the phase usually takes, in words."""
        return usual_text(self.expected(phase, "first"), self.expected(phase, "again"))

    def expected(self, phase: str, kind: str) -> float | None:
        """Seconds of the phase that makes all (`first`) or nothing (`again`); None if unknown."""
        learned = self._times.get(phase, {}).get(kind)
        if learned:
            return max(learned) if kind == "first" else statistics.median(learned)
        known = USUAL.get(phase, {}).get(kind)
        return known * self._slowness() if known else None

    def learn(self, phase: str, seconds: float, *, changed: bool) -> None:
        """Remember how long a phase took that has not failed."""
        kept = self._times.setdefault(phase, {}).setdefault("first" if changed else "again", [])
        kept.append(round(seconds, 1))
        del kept[:-REMEMBERED]

    def save(self) -> None:
        """Write the times down for the next run, where the cache is there and can be written."""
        with contextlib.suppress(OSError):
            if self._file.parent.is_dir():
                write_json(self._file, self._times)


def _read(content: Any) -> Times:
    """The times of a file, which an earlier version wrote with one figure in place of a list."""
    times: Times = {}
    for phase, kinds in content.items() if isinstance(content, dict) else ():
        for kind, figures in kinds.items() if isinstance(kinds, dict) else ():
            listed = figures if isinstance(figures, list) else [figures]
            numbers = [float(one) for one in listed if isinstance(one, int | float) and one >= 0]
            if numbers:
                times.setdefault(str(phase), {})[str(kind)] = numbers[-REMEMBERED:]
    return times


def summary(phases: list[tuple[str, float, int, bool]], total: float) -> list[str]:
    """A line for each phase (name, seconds, changes, whether it failed), and one for all."""
    lines = []
    for name, seconds, changes, failed in phases:
        word = "FAILED" if failed else f"{changes} changed" if changes else "as it was"
        lines.append(f"  {clock(seconds):>7}  {name:32} {word}")
    return [*lines, f"  {clock(total):>7}  all"]
