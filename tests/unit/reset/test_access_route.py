"""The Route to the model server belongs to the project: every reset leaves it where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lab_reset import planning

ROLE = Path(__file__).resolve().parents[3] / "roles" / "lab_reset"
LABELS = {"app.kubernetes.io/part-of": "mnist-lab", "app.kubernetes.io/component": "access"}


def rules() -> list[planning.Rule]:
    """The role's rules, with the labels that they name filled in."""
    data: dict[str, Any] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    for rule in data["__lab_reset_rules"]:
        if isinstance(rule.get("labels"), str):
            rule["labels"] = data[rule["labels"].strip("{} ")]
    return planning.parse_rules(data["__lab_reset_rules"])


@pytest.mark.parametrize("step", planning.STEPS)
def test_no_step_removes_it_or_calls_it_foreign(step: str) -> None:
    route = {"metadata": {"name": "mnist-inference", "labels": LABELS}}
    plan = planning.plan(rules(), {("route.openshift.io/v1", "Route"): [route]}, step)
    assert plan.remove == plan.keep == plan.restore == []
