"""The last runs, for the plot: a JSON-lines file that never grows past its bound."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lab_ground.files import write_whole
from lab_validation.results import Run

KEPT_RUNS = 30


@dataclass(frozen=True)
class Entry:
    """One run's line in the history; ``duration`` in seconds, ``accuracy`` from 0 to 1."""

    started: str
    duration: float
    ok: bool
    failed: int
    accuracy: float | None


def path_of(directory: Path, namespace: str) -> Path:
    """Return the file of one lab's runs: the seats of a class are each their own story."""
    return directory / (f"history-{namespace}.jsonl" if namespace else "history.jsonl")


def entry_of(run: Run) -> Entry:
    """Return the line that stands for ``run``."""
    return Entry(run.started, round(run.duration, 3), run.ok, len(run.failed), run.accuracy)


def read(path: Path) -> list[Entry]:
    """Read the history, oldest first; a missing file is an empty history.

    A line that cannot be read is left out: a damaged history must not stop a nightly run.
    """
    if not path.exists():
        return []
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(Entry(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return entries


def append(path: Path, run: Run, keep: int = KEPT_RUNS) -> list[Entry]:
    """Add ``run``, drop what is older than the last ``keep`` runs, return what is kept."""
    entries = [*read(path), entry_of(run)][-keep:]
    write_whole(path, "".join(json.dumps(asdict(entry)) + "\n" for entry in entries))
    return entries
