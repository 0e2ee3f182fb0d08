"""Cluster storage: made, changed, connected and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import kinds
from dashboard.forms import MountForm, NewStorage, StorageForm
from dashboard.objects.common import DESCRIPTION, DISPLAY_NAME
from dashboard.objects.storage import build_claim, disconnect_patch, mount_path
from dashboard.plans.notebooks import restore
from dashboard.snapshot import Snapshot
from dashboard.submit import Change, Make, Plan, Remove
from dashboard.validation import (
    WORKING_DIRECTORY,
    Problems,
    duplicates,
    fault_of_folder,
    fault_of_size,
    resource_name,
)
from dashboard.views.storages import grow_reason
from dashboard.views.workbenches import Offers, gib_of, mounts_of
from lab_ground.kubernetes.manifest import Manifest


def check_class(problems: Problems, offers: Offers, name: str | None, field: str) -> None:
    """A storage class that is named must be offered."""
    known = [each["name"] for each in offers.storage_classes if each["enabled"]]
    if name and name not in known:
        offered = ", ".join(known) or "none"
        problems.add(field, f"There is no storage class {name} to choose; there are: {offered}.")


def plan_claim(
    plan: Plan,
    problems: Problems,
    namespace: str,
    form: StorageForm | NewStorage,
    offers: Offers,
    prefix: str = "",
) -> str:
    """Make the claim; return its name."""
    found = Problems()
    given = form.name if isinstance(form, StorageForm) else None
    name = resource_name(found, "storage", form.display_name, given)
    found.add("sizeGiB", fault_of_size(form.size_gib))
    check_class(found, offers, form.storage_class, "storageClass")
    problems.update({f"{prefix}{field}": fault for field, fault in found.fields.items()})
    manifest = build_claim(
        namespace,
        name,
        form.display_name.strip(),
        form.description,
        form.size_gib,
        form.storage_class,
    )
    taken = f"{prefix}name" if given else f"{prefix}displayName"
    plan.add("storage", Make(manifest, what="cluster storage", field=taken))
    return name


def plan_create(snapshot: Snapshot, form: StorageForm, offers: Offers) -> tuple[Plan, str]:
    """Make a storage and mount it."""
    plan, problems = Plan(), Problems()
    name = plan_claim(plan, problems, snapshot.namespace, form, offers)
    plan_mounts(plan, problems, snapshot, name, form.workbenches)
    problems.done()
    return plan, name


def plan_change(snapshot: Snapshot, claim: Manifest, form: StorageForm, offers: Offers) -> Plan:
    """Change a storage's words, make it larger, and mount it where the form says."""
    plan, problems = Plan(), Problems()
    name = claim["metadata"]["name"]
    before = gib_of(claim) or 1
    problems.add("displayName", None if form.display_name.strip() else "A storage needs a name.")
    annotations = {DISPLAY_NAME: form.display_name.strip(), DESCRIPTION: form.description}
    patch: dict[str, Any] = {"metadata": {"annotations": annotations}}
    if form.size_gib < before:
        problems.add("sizeGiB", f"The size is {before} GiB and cannot become smaller.")
    elif form.size_gib > before:
        problems.add("sizeGiB", fault_of_size(form.size_gib) or grow_reason(claim, offers))
        patch["spec"] = {"resources": {"requests": {"storage": f"{form.size_gib}Gi"}}}
    old = claim["metadata"].get("annotations") or {}
    undo = {"metadata": {"annotations": {key: old.get(key) for key in annotations}}}
    plan.add("storage", Change(kinds.CLAIM, name, snapshot.namespace, patch, undo))
    plan_mounts(plan, problems, snapshot, name, form.workbenches)
    problems.done()
    return plan


def plan_mounts(
    plan: Plan,
    problems: Problems,
    snapshot: Snapshot,
    claim: str,
    wanted: Sequence[MountForm],
) -> None:
    """Mount a claim in these workbenches and take it out of others, but for a workbench's root."""
    check_mounts(problems, snapshot, claim, wanted)
    folders = {mount.name: mount_path(mount.folder) for mount in wanted}
    for notebook in snapshot.of(kinds.NOTEBOOK):
        name = notebook["metadata"]["name"]
        present = [path for mounted, path in mounts_of(notebook) if mounted == claim]
        if any(path.rstrip("/") == WORKING_DIRECTORY for path in present):
            continue
        path = folders.get(name)
        if present == ([path] if path else []):
            continue
        patch = with_mount(notebook, claim, path)
        step = Change(kinds.NOTEBOOK, name, snapshot.namespace, patch, restore(notebook))
        plan.add(f"workbench-{name}", step)


def check_mounts(
    problems: Problems, snapshot: Snapshot, claim: str, wanted: Sequence[MountForm]
) -> None:
    """Folders must be names, not in use, and each workbench be there and named once."""
    twice = duplicates(mount.name for mount in wanted)
    for index, mount in enumerate(wanted):
        place = f"workbenches.{index}"
        notebook = snapshot.get(kinds.NOTEBOOK, mount.name)
        if notebook is None:
            told = f"There is no workbench {mount.name} in this project."
            problems.add(f"{place}.name", told)
            continue
        if mount.name in twice:
            problems.add(f"{place}.name", f"The workbench {mount.name} is there more than once.")
        problems.add(f"{place}.folder", fault_of_folder(mount.folder))
        others = {path.rstrip("/") for name, path in mounts_of(notebook) if name != claim}
        if mount_path(mount.folder) in others:
            told = f"The folder {mount.folder!r} is in use in workbench {mount.name}."
            problems.add(f"{place}.folder", told)


def with_mount(notebook: Manifest, claim: str, path: str | None) -> dict[str, Any]:
    """Merge patch that mounts a claim at a path alone, or with none nowhere."""
    patch = disconnect_patch(notebook, claim)
    if path is None:
        return patch
    spec = patch["spec"]["template"]["spec"]
    volume = {"name": claim, "persistentVolumeClaim": {"claimName": claim}}
    spec["volumes"] = [*spec["volumes"], volume]
    first, *others = spec["containers"]
    mounts = [*(first.get("volumeMounts") or []), {"name": claim, "mountPath": path}]
    spec["containers"] = [{**first, "volumeMounts": mounts}, *others]
    return patch


def plan_delete(snapshot: Snapshot, claim: Mapping[str, Any]) -> Plan:
    """Take a storage out of every workbench that mounts it, and delete it."""
    plan = Plan()
    name = claim["metadata"]["name"]
    for notebook in snapshot.of(kinds.NOTEBOOK):
        if any(mounted == name for mounted, _ in mounts_of(notebook)):
            bench = notebook["metadata"]["name"]
            patch = disconnect_patch(notebook, name)
            step = Change(kinds.NOTEBOOK, bench, snapshot.namespace, patch, restore(notebook))
            plan.add(f"workbench-{bench}", step)
    plan.add("storage", Remove(kinds.CLAIM, name, snapshot.namespace))
    return plan
