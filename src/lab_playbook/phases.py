"""How long the phases of a playbook take: this run's times against the usual ones."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from lab_ground.files import write_json

Times = dict[str, dict[str, float]]
# What a phase takes on a machine with two cores, until this machine has its own figures.
USUAL: Times = {
    "Cluster": {"first": 420, "again": 6},
}


def clock(seconds: float) -> str:
    """1:05 for 65 seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def usual_text(times: dict[str, float]) -> str:
    """How long a phase usually takes, in words."""
    first, again = times.get("first"), times.get("again")
    if first and again:
        return f"usually {clock(first)}, or {clock(again)} when there is nothing to do"
    if first or again:
        return f"usually {clock(first or again or 0)}"
    return "no usual time known yet"


class PhaseTimes:
    """The usual times of this machine, kept in a file of the cache where there is one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._times: Times = {phase: dict(times) for phase, times in USUAL.items()}
        with contextlib.suppress(OSError, ValueError):
            self._times.update(json.loads(file.read_text()))

    def usual(self, phase: str) -> str:
        """How long the phase usually takes, in words."""
        return usual_text(self._times.get(phase, {}))

    def learn(self, phase: str, seconds: float, *, changed: bool) -> None:
        """Remember how long a phase took that has not failed."""
        self._times.setdefault(phase, {})["first" if changed else "again"] = round(seconds, 1)

    def save(self) -> None:
        """Write the times down for the next run, where the cache is there and can be written."""
        with contextlib.suppress(OSError):
            if self._file.parent.is_dir():
                write_json(self._file, self._times)


def summary(phases: list[tuple[str, float, int, bool]], total: float) -> list[str]:
    """A line for each phase (name, seconds, changes, whether it failed), and one for all."""
    lines = []
    for name, seconds, changes, failed in phases:
        word = "FAILED" if failed else f"{changes} changed" if changes else "as it was"
        lines.append(f"  {clock(seconds):>7}  {name:32} {word}")
    return [*lines, f"  {clock(total):>7}  all"]
