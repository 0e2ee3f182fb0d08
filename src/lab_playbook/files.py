"""The action ``lab_files``: rendered templates against the files on this machine."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab_ground.files import write_whole
from lab_playbook.outcome import Arguments, Result

# Renders a template's source with more variables.
Render = Callable[[str, Mapping[str, Any]], str]


@dataclass(frozen=True)
class Change:
    """A file that is to be written: its text, and the difference where that is no secret."""

    path: Path
    text: str
    mode: int
    difference: str


def missing_directories(directories: Iterable[Any]) -> list[Path]:
    """Return which of the directories have to be made."""
    return [path for path in (Path(str(each)) for each in directories) if not path.is_dir()]


def compare(before: str, after: str, name: str) -> str:
    """The difference as people read it."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), name, name
    )
    return "".join(lines)


def plan(files: Iterable[Mapping[str, Any]], render: Render) -> list[Change]:
    """Return what has to be written so that each file has its template's text and its mode."""
    changes = []
    for file in files:
        path, mode = Path(str(file["dest"])), int(str(file.get("mode") or "0644"), 8)
        text = render(str(file["src"]), file.get("vars") or {})
        present = path.is_file()
        before = path.read_text() if present else ""
        if present and before == text and path.stat().st_mode & 0o777 == mode:
            continue
        difference = "" if file.get("secret") else compare(before, text, str(path))
        changes.append(Change(path, text, mode, difference))
    return changes


def bring_about(
    arguments: Arguments, render: Render, *, check_mode: bool, with_difference: bool
) -> Result:
    """Make the directories and write what is new; in check mode only say what that would be.

    Raises:
        OSError: a directory or a file cannot be written.
    """
    directories = missing_directories(arguments["directories"])
    changes: Sequence[Change] = plan(arguments["files"], render)
    if not check_mode:
        for directory in directories:
            directory.mkdir(mode=0o755, parents=True)
        for change in changes:
            write_whole(change.path, change.text, change.mode)
    changed = [str(path) for path in (*directories, *(change.path for change in changes))]
    result: Result = {"changed": bool(changed), "files": changed}
    told = [{"prepared": change.difference} for change in changes if change.difference]
    if told and with_difference:
        result["diff"] = told
    return result
