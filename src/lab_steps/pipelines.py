"""The pipeline server and its runs. Every function returns what is wrong, or ""."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

PARTS = ("DatabaseAvailable", "ObjectStoreAvailable", "APIServerReady", "Ready")
NOTEBOOKS = ("Pre-process", "Train", "Evaluate", "Review")
# The three that the pipeline comes with, and Review.
STEPS = 4
MODEL, SIDECAR = "onnx/model-v2.onnx", "onnx/model-v2.json"
# What the quick profile must reach; the training role enforces the inventory's own floor.
FLOOR = 0.96


def part_fault(application: Mapping[str, Any], part: str) -> str:
    """A condition of the DataSciencePipelinesApplication."""
    conditions = (application.get("status") or {}).get("conditions") or ()
    found = next((c for c in conditions if c["type"] == part), None)
    if found is None:
        return f"the status says nothing of {part}"
    if found["status"] != "True":
        return f"{part}: {found.get('reason')}: {found.get('message')}"
    return ""


def submitted_fault(runs: Sequence[Mapping[str, Any]]) -> str:
    """Whether the pipeline was ever run, the newest run first."""
    if not runs:
        return "no run was submitted yet"
    newest = runs[0]
    if newest.get("state") == "FAILED":
        told = (newest.get("error") or {}).get("message")
        return f"the run {newest.get('display_name')} failed" + (f": {told}" if told else "")
    return ""


def finished_fault(runs: Iterable[Mapping[str, Any]]) -> str:
    """Whether one of the newest runs has succeeded."""
    states = [run.get("state") for run in runs]
    if "SUCCEEDED" in states:
        return ""
    return f"no run has succeeded; the last ended as {states[:3]}" if states else "there is no run"


def _named(run: Mapping[str, Any]) -> dict[str, Any]:
    tasks = (run.get("run_details") or {}).get("task_details") or ()
    return {str(task["display_name"]): task.get("state") for task in tasks}


def added_fault(run: Mapping[str, Any], notebook: str = "Review") -> str:
    """Whether a run has the step that the learner adds to the pipeline."""
    names = _named(run)
    if any(notebook.lower() in name.lower() for name in names):
        return ""
    return f"the run has the steps {', '.join(sorted(names)) or 'of none'}, and no {notebook}"


def steps_fault(run: Mapping[str, Any]) -> str:
    """Every step of a good run succeeded, and none is missing."""
    states = _named(run)
    if len(states) < STEPS:
        return f"the run has only the steps {sorted(states)}"
    wrong = {name: state for name, state in states.items() if state not in {"SUCCEEDED", "SKIPPED"}}
    return f"these steps did not succeed: {wrong}" if wrong else ""


def notebooks_fault(keys: Sequence[str], suffix: str) -> str:
    """Each executed notebook is among the bucket's keys."""
    kept = [key for key in keys if key.endswith(suffix)]
    for notebook in NOTEBOOKS:
        if not any(notebook in key for key in kept):
            return f"no {notebook}{suffix} among {kept}"
    return ""


def model_fault(body: bytes, sidecar: Mapping[str, Any]) -> str:
    """A model is what the file beside it says."""
    if hashlib.sha256(body).hexdigest() == sidecar.get("sha256"):
        return ""
    return f"{MODEL} is not the model that {SIDECAR} tells of: its checksum is another"


def revision_fault(sidecar: Mapping[str, Any]) -> str:
    """A model names the commit of the code that trained it."""
    revision = str(sidecar.get("git_revision"))
    if re.fullmatch(r"[0-9a-f]{40}(-dirty)?", revision):
        return ""
    return (
        f"its revision is {revision!r}, no commit: were the images built from a checkout with its "
        "repository?"
    )


def accuracy_fault(sidecar: Mapping[str, Any]) -> str:
    """A model recognises enough of the test set."""
    accuracy = float(sidecar.get("accuracy") or 0)
    if accuracy >= FLOOR:
        return ""
    return f"its accuracy is {accuracy:.4f}, at least {FLOOR} is wanted"
