"""The board itself, of what was read: a row for each seat. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from class_board import times
from class_board.reading import Facts, Seat, Usage
from class_board.services import PAGE, Digits, Jupyter, Run
from lab_diagnosis.causes import diagnose
from lab_diagnosis.collect import family
from lab_diagnosis.evidence import Evidence
from lab_diagnosis.text import one_line
from lab_ground.kubernetes.conditions import get_condition
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.readiness import is_ready, readiness

# A learner's way, and what the board calls each step.
STEPS: Mapping[str, str] = {
    "none": "not made yet",
    "project": "project",
    "workbench": "workbench",
    "cloned": "notebooks cloned",
    "notebooks": "notebooks run",
    "submitted": "run submitted",
    "stored": "model stored",
    "served": "model served",
    "page": "page",
    "digit": "digit recognised",
}
# What of a seat can be wrong, what a learner meets last first.
DIAGNOSED = ("Deployment", "InferenceService", "Notebook", "DataSciencePipelinesApplication")
FAILED = ("FAILED", "ERROR")


@dataclass
class Answers:
    """What a seat's services answered last; ``asked`` once each has been asked."""

    runs: list[Run] = field(default_factory=list)
    jupyter: Jupyter = field(default_factory=Jupyter)
    digits: Digits = field(default_factory=Digits)
    asked: bool = False


def view(
    facts: Facts, answers: Mapping[str, Answers], messages: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The whole board."""
    rows = [
        row(facts, seat, answers.get(seat.namespace) or Answers(), messages.get(seat.namespace))
        for seat in facts.seats
    ]
    return {
        "steps": [{"key": key, "label": label} for key, label in STEPS.items()],
        "seats": rows,
        "whole": all((answers.get(seat.namespace) or Answers()).asked for seat in facts.seats
                     if facts.namespace(seat.namespace)),
    }  # fmt: skip


def row(
    facts: Facts, seat: Seat, answers: Answers, message: Mapping[str, str] | None
) -> dict[str, Any]:
    """One seat."""
    namespace = seat.namespace
    reached = reached_steps(facts, namespace, answers)
    step = next(key for key in reversed(list(STEPS)) if key in reached or key == "none")
    used = sum(facts.usage.get(namespace, {}).values(), Usage())
    notebook = find_workbench(facts, namespace)
    return {
        "namespace": namespace,
        "learner": seat.learner,
        "name": seat.name,
        "step": step,
        "number": list(STEPS).index(step),
        "label": label_of(step, answers),
        "since": times.write(reached.get(step)),
        "error": error_of(facts, namespace, answers),
        "lastActivity": times.write(last_activity(answers)),
        "cpu": round(used.cpu, 1),
        "memory": round(used.memory),
        "workbench": workbench_of(facts, namespace, notebook, answers),
        "url": f"/projects/{quote(namespace)}",
        "message": dict(message) if message else None,
    }


def label_of(step: str, answers: Answers) -> str:
    """A step in words; of the notebooks, how many were run."""
    files = answers.jupyter.files
    if step == "notebooks":
        return f"{files.run} of {files.notebooks} notebooks run"
    return STEPS[step]


def reached_steps(facts: Facts, namespace: str, answers: Answers) -> dict[str, datetime | None]:
    """The steps that a seat has come to, with when."""
    found: dict[str, datetime | None] = {}
    home = facts.namespace(namespace)
    if home is None or home["metadata"].get("deletionTimestamp"):
        return found
    found["project"] = times.parse(home["metadata"].get("creationTimestamp"))
    notebook = find_workbench(facts, namespace)
    if notebook is not None:
        found["workbench"] = times.parse(notebook["metadata"].get("creationTimestamp"))
    files = answers.jupyter.files
    if files.notebooks:
        found["cloned"] = files.cloned
    if files.run:
        found["notebooks"] = files.changed
    if answers.runs:
        found["submitted"] = min((run.created for run in answers.runs if run.created), default=None)
    if done := [run for run in answers.runs if run.state == "SUCCEEDED"]:
        found["stored"] = min((run.finished for run in done if run.finished), default=None)
    for model in facts.of("InferenceService", namespace):
        if is_ready(model):
            found["served"] = changed_at(model, "Ready")
    for page in facts.of("Deployment", namespace):
        if page["metadata"]["name"] == PAGE and is_ready(page):
            found["page"] = changed_at(page, "Available")
    if answers.digits.first and "page" in found:
        found["digit"] = answers.digits.first
    return found


def changed_at(thing: Manifest, condition: str) -> datetime | None:
    """When a condition last changed, else when the object was made."""
    told = get_condition((thing.get("status") or {}).get("conditions"), condition) or {}
    made = thing["metadata"].get("creationTimestamp")
    return times.parse(str(told.get("lastTransitionTime") or made or ""))


def find_workbench(facts: Facts, namespace: str) -> Manifest | None:
    """The seat's workbench: the one that runs, else the oldest."""
    found = sorted(
        facts.of("Notebook", namespace),
        key=lambda each: (not is_ready(each), str(each["metadata"].get("creationTimestamp"))),
    )
    return found[0] if found else None


def running_pod(notebook: Manifest | None, pods: Iterable[Manifest]) -> str | None:
    """The pod of a workbench, if it is ready."""
    for pod in pods:
        labels = pod["metadata"].get("labels") or {}
        if (
            notebook is not None
            and labels.get("notebook-name") == notebook["metadata"]["name"]
            and is_ready({"apiVersion": "v1", "kind": "Pod", **pod})
        ):
            return str(pod["metadata"]["name"])
    return None


def workbench_of(
    facts: Facts, namespace: str, notebook: Manifest | None, answers: Answers
) -> dict[str, Any] | None:
    """The workbench as the board has it: its word, whether a kernel works, where it is opened."""
    if notebook is None:
        return None
    name = str(notebook["metadata"]["name"])
    state = readiness(notebook)
    host = next(
        (
            str(route["spec"].get("host") or "")
            for route in facts.of("Route", namespace)
            if name in (
                route["metadata"]["name"],
                (route["metadata"].get("labels") or {}).get("notebook-name"),
            )
        ),
        "",
    )  # fmt: skip
    running = running_pod(notebook, facts.of("Pod", namespace)) is not None
    return {
        "name": name,
        "word": "Stopped" if state.stopped else "Running" if running else "Starting",
        "busy": running and answers.jupyter.busy,
        "started": times.write(changed_at(notebook, "Ready")),
        "url": f"https://{host}/notebook/{namespace}/{name}" if host and running else None,
    }


def last_activity(answers: Answers) -> datetime | None:
    """When somebody last did something in the seat that leaves a trace."""
    of_runs = [moment for run in answers.runs for moment in (run.created, run.finished)]
    return times.latest([answers.jupyter.last, answers.digits.last, *of_runs])


def error_of(facts: Facts, namespace: str, answers: Answers) -> str | None:
    """What is wrong in a seat, in one sentence; else what the newest run failed with."""
    home = facts.namespace(namespace)
    for kind in DIAGNOSED:
        for thing in facts.of(kind, namespace):
            if not readiness(thing).well and (told := cause_of(facts, home, thing)):
                return told
    if answers.runs and answers.runs[0].state in FAILED:
        newest = answers.runs[0]
        why = one_line(newest.error) if newest.error else "its steps say why"
        return f"The run {newest.name} failed: {why}."
    return None


def cause_of(facts: Facts, home: Manifest | None, thing: Manifest) -> str | None:
    """The deepest cause that a seat's objects show; None while nothing is known to be wrong."""
    kind, name = str(thing["kind"]), str(thing["metadata"]["name"])
    namespace = str(thing["metadata"]["namespace"])
    related, pods = family(
        kind, name, thing, facts.of("Deployment", namespace), facts.of("Pod", namespace)
    )
    finding = diagnose(
        Evidence(
            kind=kind,
            name=name,
            namespace=namespace,
            thing=thing,
            pods=pods,
            related=related,
            events=facts.of("Event", namespace),
            namespace_thing=home,
        )
    )
    if not finding.certain or not finding.cause:
        return None
    return f"{kind} {name} {one_line(finding.cause)}."


def idle(rows: Sequence[Mapping[str, Any]], minutes: float, now: datetime) -> list[str]:
    """The seats whose workbench runs and has been idle for so long, with no kernel at work."""
    found = []
    for each in rows:
        bench = each["workbench"]
        if bench is None or bench["word"] != "Running" or bench["busy"]:
            continue
        last = times.latest([times.parse(each["lastActivity"]), times.parse(bench["started"])])
        if last is None or (now - last).total_seconds() >= minutes * 60:
            found.append(str(each["namespace"]))
    return found
