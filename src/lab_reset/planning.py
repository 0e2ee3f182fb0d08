"""Deciding, without a cluster, what a reset removes, keeps and restores.

A rule names a kind of object that a step of the lab makes, and how the lab's own objects of
that kind are told from foreign ones: by name, or by a label. Whatever no rule claims is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from lab_ground.kubernetes.manifest import Manifest

# The states a seat can be in, in the learner's order. A reset to a step removes what later
# steps made.
STEPS = ("project", "workbench", "trained", "served", "complete")


# Kubernetes and OpenShift AI make these in every project; they are nobody's work.
SYSTEM = frozenset(
    {
        "default",
        "kube-root-ca.crt",
        "openshift-service-ca.crt",
        "odh-trusted-ca-bundle",
        "pipeline-runtime-images",
        "storage-config",
    }
)
PART_OF_LAB = ("app.kubernetes.io/part-of", "mnist-lab")
# What a learner makes in the dashboard, in a namespace of the lab, is the learner's work on it.
DASHBOARD_MADE = "made in the dashboard, so a learner's work"
# The scheduler sets it on a claim for whose first pod a volume is being made.
SELECTED_NODE = "volume.kubernetes.io/selected-node"


class PlanError(Exception):
    """The reset cannot be planned; the message says what was wrong and what is allowed."""


@dataclass(frozen=True)
class Reference:
    """One object, as people name it."""

    api_version: str
    kind: str
    name: str
    uid: str = ""
    note: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return ``Kind/name``."""
        return f"{self.kind}/{self.name}"

    def told(self) -> str:
        """Return how a plan names it, with why it is removed where that is not plain."""
        return f"{self} ({self.note})" if self.note else str(self)


@dataclass(frozen=True)
class Rule:
    """What one step of the lab makes of one kind.

    ``restored`` marks what must exist again after the removal (an emptied volume, say).
    """

    step: str
    api_version: str
    kind: str
    names: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    restored: bool = False

    def claims(self, manifest: Manifest) -> bool:
        """Tell whether ``manifest`` is the lab's: its name is listed, or all labels match."""
        metadata = manifest["metadata"]
        if metadata["name"] in self.names:
            return True
        labels = metadata.get("labels") or {}
        return bool(self.labels) and all(labels.get(k) == v for k, v in self.labels.items())


@dataclass
class Plan:
    """References to remove (last step first), to keep because foreign, and to restore.

    ``unused`` are the lab's own that would be restored to just what they are already.
    """

    remove: list[Reference] = field(default_factory=list)
    keep: list[Reference] = field(default_factory=list)
    restore: list[Reference] = field(default_factory=list)
    unused: list[Reference] = field(default_factory=list)


def parse_rules(entries: Iterable[Mapping[str, Any]]) -> list[Rule]:
    """Return rules from the role's data.

    Raises:
        PlanError: an entry names an unknown step, or could claim everything of its kind.
    """
    rules = []
    for entry in entries:
        rule = Rule(**{**entry, "names": tuple(entry.get("names", ()))})
        step_index(rule.step)
        if not rule.names and not rule.labels:
            raise PlanError(
                f"the rule for {rule.kind} has neither names nor labels and would remove "
                "foreign objects; give it one"
            )
        rules.append(rule)
    return rules


def read_rules(roles: Path) -> list[Rule]:
    """Return what the roles of a directory say that they make, the last step's first.

    A role says it in ``meta/makes.yml``: its ``step``, and under ``removed`` an entry for each
    kind, which may be of another step than its role.

    Raises:
        PlanError: no role says anything, or an entry is wrong.
    """
    entries: list[Mapping[str, Any]] = []
    for path in sorted(roles.glob("*/meta/makes.yml")):
        made = yaml.safe_load(path.read_text(encoding="utf-8"))
        entries += [{"step": made["step"], **entry} for entry in made["removed"]]
    if not entries:
        raise PlanError(f"no role of {roles} says in meta/makes.yml what it makes")
    return sorted(parse_rules(entries), key=lambda rule: -step_index(rule.step))


def step_index(step: str) -> int:
    """Return the position of a step.

    Raises:
        PlanError: there is no such step.
    """
    if step not in STEPS:
        raise PlanError(f"there is no step {step!r}; choose one of {', '.join(STEPS)}")
    return STEPS.index(step)


def plan(
    rules: Sequence[Rule], manifests: Mapping[tuple[str, str], Sequence[Manifest]], target: str
) -> Plan:
    """Sort the namespace's objects for a reset to ``target``.

    ``things`` maps (api_version, kind) to the objects that exist. An object that another one
    owns is left to the garbage collector and not listed. Two rules may speak of one kind; the
    first that claims an object decides.
    """
    last = step_index(target)
    outcome = Plan()
    claimed: dict[tuple[str, str, str], Rule] = {}
    for rule in rules:
        for manifest in manifests.get((rule.api_version, rule.kind), ()):
            if rule.claims(manifest):
                claimed.setdefault(_key(rule.api_version, rule.kind, manifest), rule)
    order = sorted(
        {(rule.api_version, rule.kind) for rule in rules},
        key=lambda kind: -max(step_index(r.step) for r in rules if (r.api_version, r.kind) == kind),
    )
    for api_version, kind in order:
        for manifest in manifests.get((api_version, kind), ()):
            claim = claimed.get(_key(api_version, kind, manifest))
            reference = refer(api_version, kind, manifest)
            if claim is None:
                if is_foreign(manifest):
                    outcome.keep.append(reference)
            elif step_index(claim.step) > last:
                if claim.restored and is_unused(manifest):
                    outcome.unused.append(reference)
                    continue
                if not (is_labs(manifest) or manifest["metadata"]["name"] in claim.names):
                    reference = replace(reference, note=DASHBOARD_MADE)
                outcome.remove.append(reference)
                if claim.restored:
                    outcome.restore.append(reference)
    return outcome


def is_unused(claim: Manifest) -> bool:
    """Tell whether a volume claim has never had a volume, nor will have one without a pod."""
    metadata = claim["metadata"]
    return not (
        (claim.get("spec") or {}).get("volumeName")
        or metadata.get("deletionTimestamp")
        or SELECTED_NODE in (metadata.get("annotations") or {})
    )


def is_foreign(manifest: Manifest) -> bool:
    """Tell whether somebody made ``manifest`` beside the lab: not the lab, nor a controller."""
    metadata = manifest["metadata"]
    return not (metadata.get("ownerReferences") or metadata["name"] in SYSTEM or is_labs(manifest))


def is_labs(manifest: Manifest) -> bool:
    """Tell whether the lab's own roles made ``manifest``."""
    key, value = PART_OF_LAB
    return bool((manifest["metadata"].get("labels") or {}).get(key) == value)


def refer(api_version: str, kind: str, manifest: Manifest) -> Reference:
    """Return the reference to an object."""
    metadata = manifest["metadata"]
    return Reference(api_version, kind, metadata["name"], metadata.get("uid", ""))


def _key(api_version: str, kind: str, manifest: Manifest) -> tuple[str, str, str]:
    return api_version, kind, manifest["metadata"]["name"]


def descendants(roots: Iterable[str], manifests: Iterable[Manifest]) -> set[str]:
    """Return the uids of all that hangs, at any depth, from the objects with uids ``roots``."""
    children: dict[str, list[str]] = {}
    for manifest in manifests:
        for owner in manifest["metadata"].get("ownerReferences") or ():
            children.setdefault(owner["uid"], []).append(manifest["metadata"]["uid"])
    reached: set[str] = set()
    queue = list(roots)
    while queue:
        for uid in children.get(queue.pop(), ()):
            if uid not in reached:
                reached.add(uid)
                queue.append(uid)
    return reached
