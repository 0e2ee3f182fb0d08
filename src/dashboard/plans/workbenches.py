"""Workbenches: made, changed, started, stopped and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard import kinds
from dashboard.forms import ExistingObject, NewStorage, WorkbenchForm
from dashboard.objects.workbench import (
    RUNTIME_PATH,
    RUNTIME_SECRET,
    RUNTIME_VOLUME,
    STOPPED,
    Mount,
    Workbench,
    build_notebook,
    build_pipeline_binding,
    env_from,
)
from dashboard.plans.connections import plan_choice
from dashboard.plans.notebooks import restore
from dashboard.plans.storages import plan_claim
from dashboard.plans.variables import check_variables, plan_removal, plan_variables
from dashboard.settings import Settings, Size
from dashboard.snapshot import Snapshot
from dashboard.status import times
from dashboard.submit import Change, Make, Plan, Remove
from dashboard.validation import Problems, resource_name
from dashboard.views.connections import is_connection
from dashboard.views.workbenches import (
    Offers,
    connections_of,
    container_of,
    mounts_of,
    references_of,
    root_of,
    variables_of,
)
from lab_ground.kubernetes.manifest import Manifest

# A pipeline server of this name is bound to by the notebook controller itself.
BOUND_BY_CONTROLLER = "dspa"
# A size that is none of those that are offered.
CUSTOM = "Custom"


def plan_create(
    snapshot: Snapshot, form: WorkbenchForm, offers: Offers, user: str, *, may_bind: bool
) -> tuple[Plan, str]:
    """Storage, connection and variables, then the Notebook, then its way to the pipelines."""
    plan, problems = Plan(), Problems()
    namespace = snapshot.namespace
    name = resource_name(problems, "workbench", form.display_name, form.name, namespace)
    check_variables(problems, form.variables)
    claim = plan_root(plan, problems, snapshot, form, offers)
    connections = plan_connections(plan, problems, snapshot, form, [])
    bench = workbench_of(problems, snapshot, form, offers, user, name, [Mount(claim)], [])
    problems.done()
    entries = [*connections, *plan_variables(plan, namespace, form.variables)]
    manifest = build_notebook(with_variables(bench, snapshot, offers.settings, entries))
    taken = "name" if form.name else "displayName"
    plan.add("workbench", Make(manifest, what="workbench", field=taken))
    for application in snapshot.of(kinds.PIPELINES):
        server = application["metadata"]["name"]
        if may_bind and server != BOUND_BY_CONTROLLER:
            binding = build_pipeline_binding(namespace, name, server)
            if snapshot.get(kinds.ROLE, binding["roleRef"]["name"]):
                plan.add("pipelines", Make(binding, owner="workbench", what="binding", over=True))
        break
    return plan, name


def plan_change(
    snapshot: Snapshot, notebook: Manifest, form: WorkbenchForm, offers: Offers, user: str
) -> Plan:
    """Write the Notebook anew, as the form has it; what the form does not know stays."""
    plan, problems = Plan(), Problems()
    name, namespace = notebook["metadata"]["name"], snapshot.namespace
    container = container_of(notebook)
    check_variables(problems, form.variables)
    if not form.display_name.strip():
        problems.add("displayName", "A workbench needs a name.")
    claim = plan_root(plan, problems, snapshot, form, offers)
    before = [c["name"] for c in connections_of(container, snapshot)]
    connections = plan_connections(plan, problems, snapshot, form, before[1:])
    root = root_of(notebook)
    others = [Mount(c, path) for c, path in mounts_of(notebook) if c not in (root, claim)]
    owner = str(
        (notebook["metadata"].get("annotations") or {}).get("opendatahub.io/username") or ""
    )
    mounts = [Mount(claim), *others]
    known = list(notebook["spec"]["template"]["spec"].get("tolerations") or ())
    sizes = offers.settings.sizes
    if form.size == CUSTOM:
        # What somebody else chose, and the form cannot say, stays.
        sizes = (size_of_container(container), *sizes)
    bench = workbench_of(
        problems, snapshot, form, offers, owner or user, name, mounts, known, sizes=sizes
    )
    problems.done()
    # A group that somebody else made is changed where the form changes it, and never deleted.
    present = variables_of(container, snapshot)
    entries = [*connections, *plan_variables(plan, namespace, form.variables, present)]
    built = build_notebook(with_variables(bench, snapshot, offers.settings, entries))
    patch = change_patch(notebook, built, form.resource_version)
    plan.add("workbench", Change(kinds.NOTEBOOK, name, namespace, patch, restore(notebook)))
    plan_removal(plan, namespace, own_variables(container, snapshot), form.variables)
    return plan


def change_patch(notebook: Manifest, built: Manifest, version: str | None) -> dict[str, Any]:
    """Merge patch to a Notebook as the form has it.

    Other containers, and fields of the workbench's own that no form has, stay.
    """
    name = notebook["metadata"]["name"]
    spec = built["spec"]["template"]["spec"]
    new = spec["containers"][0]
    old = container_of(notebook)
    own = {variable["name"] for variable in new["env"]}
    more = [variable for variable in old.get("env") or () if variable["name"] not in own]
    merged = {**old, **new, "name": old["name"] or name, "env": [*new["env"], *more]}
    containers = notebook["spec"]["template"]["spec"].get("containers") or []
    rest = [c for c in containers if c["name"] != old["name"]]
    metadata = {
        "labels": built["metadata"]["labels"],
        "annotations": built["metadata"]["annotations"],
        "resourceVersion": version or notebook["metadata"]["resourceVersion"],
    }
    known = {volume["name"] for volume in spec["volumes"]}
    kept = [
        volume
        for volume in notebook["spec"]["template"]["spec"].get("volumes") or ()
        if volume["name"] not in known
        and not volume.get("persistentVolumeClaim")
        and volume["name"] != RUNTIME_VOLUME
    ]
    mounted = {mount["name"] for mount in merged["volumeMounts"]}
    others = [
        mount
        for mount in old.get("volumeMounts") or ()
        if mount["name"] in {volume["name"] for volume in kept} - mounted
    ]
    merged["volumeMounts"] = [*merged["volumeMounts"], *others]
    changed = {
        "containers": [merged, *rest],
        "volumes": [*spec["volumes"], *kept],
        "tolerations": spec["tolerations"],
    }
    return {"metadata": metadata, "spec": {"template": {"spec": changed}}}


def plan_root(
    plan: Plan, problems: Problems, snapshot: Snapshot, form: WorkbenchForm, offers: Offers
) -> str:
    """The claim for the workbench's own files, new or one that is there."""
    choice = form.storage
    if isinstance(choice, NewStorage):
        if not choice.display_name.strip():
            # As upstream: a storage without a name has the workbench's.
            choice = choice.model_copy(update={"display_name": form.display_name})
        return plan_claim(plan, problems, snapshot.namespace, choice, offers, "storage.")
    if snapshot.get(kinds.CLAIM, choice.name) is None:
        problems.add("storage.name", f"There is no storage {choice.name} in this project.")
    return choice.name


def plan_connections(
    plan: Plan,
    problems: Problems,
    snapshot: Snapshot,
    form: WorkbenchForm,
    others: Sequence[str],
) -> list[Manifest]:
    """The envFrom entries of the chosen connection, and of those that the form does not show."""
    names = []
    if form.connection is not None:
        names.append(plan_choice(plan, problems, snapshot, form.connection))
    return [env_from("secret", name) for name in dict.fromkeys([*names, *others])]


def workbench_of(
    problems: Problems,
    snapshot: Snapshot,
    form: WorkbenchForm,
    offers: Offers,
    user: str,
    name: str,
    mounts: Sequence[Mount],
    tolerations: Sequence[Mapping[str, Any]],
    *,
    sizes: Sequence[Size] = (),
) -> Workbench:
    """What the Notebook is built of, but for its variables."""
    reference, shown = choose_image(problems, form, offers)
    bench = Workbench(
        namespace=snapshot.namespace,
        name=name,
        display=form.display_name.strip(),
        description=form.description,
        user=user,
        image=reference,
        selection=f"{form.image.stream}:{form.image.tag}",
        image_display=shown,
        size=choose_size(problems, form.size, sizes or offers.settings.sizes),
        origin=offers.settings.origin,
        mounts=mounts,
        accelerator=(form.accelerator.identifier, form.accelerator.count)
        if form.accelerator and form.accelerator.count
        else None,
        pull_policy=offers.settings.pull_policy,
        login=offers.settings.login,
        runtime=snapshot.get(kinds.SECRET, RUNTIME_SECRET) is not None,
    )
    if tolerations:
        return Workbench(**{**bench.__dict__, "tolerations": list(tolerations)})
    return bench


def with_variables(
    bench: Workbench, snapshot: Snapshot, settings: Settings, entries: Sequence[Manifest]
) -> Workbench:
    """The workbench with its variables; the project's package index is last, and may be absent."""
    every = list(entries)
    if snapshot.get(kinds.SECRET, settings.package_index) is not None:
        every.append(env_from("secret", settings.package_index, optional=True))
    return Workbench(**{**bench.__dict__, "env_from": every})


def choose_image(problems: Problems, form: WorkbenchForm, offers: Offers) -> tuple[str, str]:
    """The image's reference and shown name."""
    for image in offers.images:
        if image["stream"] != form.image.stream:
            continue
        for version in image["versions"]:
            if version["tag"] == form.image.tag:
                if not version["available"]:
                    problems.add("image", f"The image cannot be used now: {version['message']}")
                return str(version["image"]), str(image["displayName"])
    offered = ", ".join(f"{i['stream']}:{v['tag']}" for i in offers.images for v in i["versions"])
    chosen = f"{form.image.stream}:{form.image.tag}"
    problems.add("image", f"There is no image {chosen}; there are: {offered or 'none'}.")
    return "", ""


def choose_size(problems: Problems, name: str, sizes: Sequence[Size]) -> Size:
    """The size of that name."""
    for size in sizes:
        if size.name == name:
            return size
    offered = ", ".join(size.name for size in sizes)
    problems.add("size", f"There is no container size {name!r}; there are: {offered}.")
    return sizes[0]


def size_of_container(container: Mapping[str, Any]) -> Size:
    """The requests and limits that a container has, without its accelerators."""
    resources = container.get("resources") or {}
    parts = [
        {key: str(value) for key, value in (resources.get(part) or {}).items() if "/" not in key}
        for part in ("requests", "limits")
    ]
    return Size(CUSTOM, *parts)


def own_variables(
    container: Mapping[str, Any], snapshot: Snapshot
) -> list[tuple[str, str, dict[str, str]]]:
    """The groups of variables that the form made, and so may change and delete."""
    return [
        (kind, name, values)
        for kind, name, values in variables_of(container, snapshot)
        if name.startswith(f"{kind}-")
    ]


def stop_patch() -> dict[str, Any]:
    """Merge patch that stops a workbench, now in UTC without milliseconds."""
    return {"metadata": {"annotations": {STOPPED: times.present()}}}


def start_patch(notebook: Manifest, *, runtime: bool) -> dict[str, Any]:
    """Merge patch that starts a workbench, with Elyra's configuration where there is one by now."""
    patch: dict[str, Any] = {"metadata": {"annotations": {STOPPED: None}}}
    spec = notebook["spec"]["template"]["spec"]
    volumes = spec.get("volumes") or []
    if not runtime or any(volume["name"] == RUNTIME_VOLUME for volume in volumes):
        return patch
    first, *others = spec["containers"]
    mount = {"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH}
    source = {"secretName": RUNTIME_SECRET, "optional": True}
    patch["metadata"]["resourceVersion"] = notebook["metadata"]["resourceVersion"]
    patch["spec"] = {
        "template": {
            "spec": {
                "volumes": [*volumes, {"name": RUNTIME_VOLUME, "secret": source}],
                "containers": [
                    {**first, "volumeMounts": [*(first.get("volumeMounts") or []), mount]},
                    *others,
                ],
            }
        }
    }
    return patch


def plan_delete(snapshot: Snapshot, notebook: Manifest) -> Plan:
    """Delete a workbench and its variables; storage and data connections stay."""
    plan = Plan()
    name, namespace = notebook["metadata"]["name"], snapshot.namespace
    plan.add("workbench", Remove(kinds.NOTEBOOK, name, namespace))
    container = container_of(notebook)
    mine = {(kind, each) for kind, each, _ in own_variables(container, snapshot)}
    for kind, each, optional in references_of(container):
        secret = snapshot.get(kinds.SECRET, each) if kind == "secret" else None
        kept = "aws-connection" in each or (secret is not None and is_connection(secret))
        if (kind, each) in mine and not optional and not kept:
            where = kinds.SECRET if kind == "secret" else kinds.CONFIG_MAP
            plan.add(f"{kind}-{each}", Remove(where, each, namespace))
    return plan


__all__ = [
    "ExistingObject",
    "plan_change",
    "plan_create",
    "plan_delete",
    "start_patch",
    "stop_patch",
]
