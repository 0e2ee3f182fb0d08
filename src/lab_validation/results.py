"""What a validation run found, as data: one check, one run, and their JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from lab_ground.files import write_whole
from lab_steps.steps import STEPS, Step

Outcome = Literal["passed", "failed"]
# The evidence's heading under which the diagnosis of the cluster's objects stands.
DIAGNOSIS = "Cause"


@dataclass(frozen=True)
class Check:
    """One check's result.

    ``duration`` is in seconds. ``cause`` is one sentence and only set on failure;
    ``evidence`` maps a heading to a text that has been redacted already.
    ``screenshot`` is a path relative to the report.
    """

    step: str
    name: str
    title: str
    outcome: Outcome
    duration: float
    cause: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)
    screenshot: str = ""


@dataclass(frozen=True)
class Run:
    """One validation run: when (ISO 8601, UTC), how long (seconds) and what it found."""

    started: str
    duration: float
    namespace: str
    checks: tuple[Check, ...]
    accuracy: float | None = None
    measurements: Mapping[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if check.outcome == "failed")

    @property
    def ok(self) -> bool:
        """True when at least one check ran and none failed: an empty run proves nothing."""
        return bool(self.checks) and not self.failed


@dataclass(frozen=True)
class StepResult:
    """A step with its checks; ``outcome`` is ``missing`` where none of them ran."""

    step: Step
    checks: tuple[Check, ...]

    @property
    def outcome(self) -> Literal["passed", "failed", "missing"]:
        """Worst outcome of the step's checks."""
        if not self.checks:
            return "missing"
        return "failed" if any(c.outcome == "failed" for c in self.checks) else "passed"

    @property
    def duration(self) -> float:
        """Seconds that the step's checks took together."""
        return sum(check.duration for check in self.checks)

    @property
    def causes(self) -> tuple[str, ...]:
        """Why the step is broken, each sentence once: what the checks met, then the diagnosis."""
        met = [check.cause for check in self.checks if check.cause]
        told = [
            line for c in self.checks for line in c.evidence.get(DIAGNOSIS, "").splitlines() if line
        ]
        return tuple(dict.fromkeys([*met, *told]))

    @property
    def screenshots(self) -> tuple[Check, ...]:
        """The checks that kept a picture."""
        return tuple(check for check in self.checks if check.screenshot)


def by_step(run: Run) -> tuple[StepResult, ...]:
    """Group a run's checks under the lab's steps, in the learner's order."""
    return tuple(
        StepResult(step, tuple(c for c in run.checks if c.step == step.id)) for step in STEPS
    )


def broken(run: Run) -> tuple[StepResult, ...]:
    """Return the broken steps in the learner's order: later ones often follow from the first."""
    return tuple(result for result in by_step(run) if result.outcome == "failed")


def summary(run: Run) -> dict[str, Any]:
    """Return the machine-readable summary: verdict, figures and each step's outcome."""
    first = next(iter(broken(run)), None)
    return {
        "started": run.started,
        "duration": round(run.duration, 3),
        "namespace": run.namespace,
        "ok": run.ok,
        "passed": sum(c.outcome == "passed" for c in run.checks),
        "failed": len(run.failed),
        "cause": f"{first.step.title}: {first.causes[0]}" if first and first.causes else "",
        "accuracy": run.accuracy,
        "measurements": dict(run.measurements),
        "steps": [
            {
                "id": result.step.id,
                "title": result.step.title,
                "outcome": result.outcome,
                "duration": round(result.duration, 3),
                "causes": list(result.causes),
            }
            for result in by_step(run)
        ],
        "checks": [asdict(check) for check in run.checks],
    }


def write_summary(run: Run, path: Path) -> None:
    """Write the summary as JSON, whole or not at all."""
    write_whole(path, json.dumps(summary(run), indent=2, sort_keys=True) + "\n")
