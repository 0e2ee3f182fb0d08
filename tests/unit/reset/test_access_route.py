"""The Route to the model server belongs to the project: every reset leaves it where it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_reset import planning

ROLES = Path(__file__).resolve().parents[3] / "roles"
LABELS = {"app.kubernetes.io/part-of": "mnist-lab", "app.kubernetes.io/component": "access"}


def rules() -> list[planning.Rule]:
    """What the lab's own roles say that they make."""
    return planning.read_rules(ROLES)


@pytest.mark.parametrize("step", planning.STEPS)
def test_no_step_removes_it_or_calls_it_foreign(step: str) -> None:
    route = {"metadata": {"name": "mnist-inference", "labels": LABELS}}
    plan = planning.plan(rules(), {("route.openshift.io/v1", "Route"): [route]}, step)
    assert plan.remove == plan.keep == plan.restore == []
