"""The variables of a workbench: what is wrong with them, and what is written for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import kinds
from dashboard.forms import Variables
from dashboard.objects.common import random_name
from dashboard.objects.workbench import build_variables, env_from
from dashboard.submit import Change, Make, Plan, Remove
from dashboard.validation import Problems, duplicates, fault_of_key
from lab_ground.kubernetes.manifest import Manifest

_KINDS = {"secret": kinds.SECRET, "configmap": kinds.CONFIG_MAP}
Present = Sequence[tuple[str, str, Mapping[str, str]]]


def check_variables(problems: Problems, groups: Sequence[Variables]) -> None:
    """Every key must be one, and be there once."""
    twice = duplicates(key for group in groups for key in group.values)
    for index, group in enumerate(groups):
        place = f"variables.{index}"
        if not group.values:
            problems.add(place, "A group of variables needs at least one key.")
        for key in group.values:
            problems.add(f"{place}.{key}", fault_of_key(key))
            if key in twice:
                problems.add(f"{place}.{key}", f"The key {key!r} is there more than once.")


def plan_variables(
    plan: Plan, namespace: str, groups: Sequence[Variables], present: Present = ()
) -> list[Manifest]:
    """Write each group; return the entries of the container's envFrom."""
    known = {(kind, name): values for kind, name, values in present}
    entries = []
    for index, group in enumerate(groups):
        before = known.get((group.kind, group.name or ""))
        if before is None:
            name = random_name(group.kind)
            manifest = build_variables(namespace, group.kind, name, group.values)
            plan.add(f"variables-{index}", Make(manifest, what="group of variables"))
        else:
            name = str(group.name)
            patch = values_patch(group.kind, before, group.values)
            undo = values_patch(group.kind, group.values, before)
            if patch:
                change = Change(_KINDS[group.kind], name, namespace, patch, undo)
                plan.add(f"variables-{index}", change)
        entries.append(env_from(group.kind, name))
    return entries


def values_patch(
    kind: str, before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, Any] | None:
    """Merge patch from some values to others; None where they are the same."""
    if dict(before) == dict(after):
        return None
    gone: dict[str, Any] = {key: None for key in before if key not in after}
    if kind == "secret":
        return {"data": gone, "stringData": dict(after)}
    return {"data": {**gone, **after}}


def plan_removal(
    plan: Plan, namespace: str, present: Present, kept: Sequence[Variables] = ()
) -> None:
    """Delete the groups that are not kept."""
    names = {(group.kind, group.name) for group in kept}
    for kind, name, _ in present:
        if (kind, name) not in names:
            plan.add(f"without-{kind}-{name}", Remove(_KINDS[kind], name, namespace))
