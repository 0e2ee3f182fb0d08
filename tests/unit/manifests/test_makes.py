"""What a role says that it makes is what it applies: a reset takes away the one by the other."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from lab_reset.planning import STEPS, Rule, parse_rules, read_rules

from .rendering import MODES, ROOT, render_roles

SAID = {
    path.parent.parent.name: yaml.safe_load(path.read_text())
    for path in sorted((ROOT / "roles").glob("*/meta/makes.yml"))
}
# Of steps that are never taken back: what they make stays, whatever the seat is reset to.
FOR_GOOD = {"lab_pipeline_server", "lab_data", "lab_image_streams"}


def applied(role: str) -> list[dict[str, Any]]:
    """Everything that a role applies, in any mode."""
    made = [
        copy.deepcopy(manifest)
        for mode in MODES
        for manifest in render_roles("embedded", json.dumps({"lab_serving_mode": mode}))[role]
    ]
    if role == "lab_inference":
        labels = yaml.safe_load((ROOT / "inference/base/kustomization.yaml").read_text())["labels"]
        for manifest in made:
            for added in labels:
                manifest["metadata"].setdefault("labels", {}).update(added["pairs"])
    return made


def rules_of(role: str) -> list[Rule]:
    said = SAID[role]
    return parse_rules([{"step": said["step"], **entry} for entry in said["removed"]])


def test_every_role_of_a_seat_says_it() -> None:
    made = render_roles("embedded", json.dumps({"lab_serving_mode": MODES[0]}))
    assert set(SAID) == set(made) - FOR_GOOD
    assert {said["step"] for said in SAID.values()} == set(STEPS)
    assert len(read_rules(ROOT / "roles")) == sum(len(said["removed"]) for said in SAID.values())


@pytest.mark.parametrize("role", SAID)
def test_what_a_role_applies_is_removed_or_stays(role: str) -> None:
    stays = {(entry["kind"], name) for entry in SAID[role]["stays"] for name in entry["names"]}
    for manifest in applied(role):
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        claimed = [
            rule
            for rule in rules_of(role)
            if (rule.api_version, rule.kind) == (manifest["apiVersion"], kind)
            and rule.claims(manifest)
        ]
        assert bool(claimed) != ((kind, name) in stays), f"{role}: {kind} {name}"


@pytest.mark.parametrize("role", SAID)
def test_what_a_role_says_is_applied(role: str) -> None:
    made = {(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in applied(role)}
    kinds = {(version, kind) for version, kind, _ in made}
    for rule in rules_of(role):
        assert (rule.api_version, rule.kind) in kinds, f"{role}: {rule.kind}"
        for name in rule.names:
            assert (rule.api_version, rule.kind, name) in made, f"{role}: {rule.kind} {name}"
    for entry in SAID[role]["stays"]:
        for name in entry["names"]:
            assert (entry["kind"], name) in {(kind, each) for _, kind, each in made}
