"""Workbenches, cluster storage and data connections."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from dashboard import errors, kinds
from dashboard.api.common import Asking, DryRun
from dashboard.forms import ConnectionForm, StorageForm, WorkbenchForm
from dashboard.learner import Learner
from dashboard.objects.workbench import RUNTIME_SECRET
from dashboard.plans import connections, storages, workbenches
from dashboard.snapshot import Snapshot, read
from dashboard.status import times
from dashboard.status.workbench import is_stopped
from dashboard.views.connections import connection_form, connection_item, is_connection
from dashboard.views.storages import storage_item
from dashboard.views.workbenches import workbench_form, workbench_item
from lab_ground.kubernetes.manifest import Manifest

router = APIRouter(prefix="/api/projects/{ns}")
# What a workbench's form names, and what its notebook is bound to.
CHECKED = (
    kinds.NOTEBOOK, kinds.CLAIM, kinds.SECRET, kinds.CONFIG_MAP, kinds.PIPELINES, kinds.ROLE,
)  # fmt: skip


async def _workbench(learner: Learner, ns: str, name: str) -> dict[str, Any]:
    snapshot = await learner.snapshot(ns, "workbenches")
    notebook = snapshot.one(kinds.NOTEBOOK, name, "workbench")
    return workbench_item(notebook, snapshot, await learner.offers(), times.now())


@router.get("/workbenches/{name}")
async def workbench(learner: Asking, ns: str, name: str) -> dict[str, Any]:
    """One workbench, and its form as it is now."""
    snapshot = await learner.snapshot(ns, "workbenches")
    notebook = snapshot.one(kinds.NOTEBOOK, name, "workbench")
    offers = await learner.offers()
    item = workbench_item(notebook, snapshot, offers, times.now())
    return {**item, "form": workbench_form(notebook, snapshot, offers)}


async def _forms(learner: Learner, ns: str) -> Snapshot:
    """What a workbench's form is checked against."""
    await learner.project(ns)
    return await read(learner.acting, ns, CHECKED)


@router.post("/workbenches")
async def create_workbench(
    learner: Asking, ns: str, form: WorkbenchForm, dry: DryRun = False
) -> dict[str, Any]:
    """Make a workbench with its storage, connection and variables."""
    snapshot, offers = await _forms(learner, ns), await learner.offers()
    may_bind = await learner.may(kinds.ROLE_BINDING.right("create", ns))
    plan, name = workbenches.plan_create(snapshot, form, offers, learner.user, may_bind=may_bind)
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _workbench(learner, ns, name)


@router.put("/workbenches/{name}")
async def change_workbench(
    learner: Asking, ns: str, name: str, form: WorkbenchForm, dry: DryRun = False
) -> dict[str, Any]:
    """Change a workbench; one that runs starts anew."""
    snapshot, offers = await _forms(learner, ns), await learner.offers()
    notebook = snapshot.one(kinds.NOTEBOOK, name, "workbench")
    plan = workbenches.plan_change(snapshot, notebook, form, offers, learner.user)
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _workbench(learner, ns, name)


@router.post("/workbenches/{name}/start")
async def start_workbench(learner: Asking, ns: str, name: str) -> dict[str, Any]:
    """Start a workbench; one that runs goes on."""
    await learner.project(ns)
    notebook = await learner.acting.get(kinds.NOTEBOOK, name, ns)
    if is_stopped(notebook):
        secret = await learner.acting.find(kinds.SECRET, RUNTIME_SECRET, ns)
        patch = workbenches.start_patch(notebook, runtime=secret is not None)
        await learner.acting.patch(kinds.NOTEBOOK, name, ns, patch)
    return await _workbench(learner, ns, name)


@router.post("/workbenches/{name}/stop")
async def stop_workbench(learner: Asking, ns: str, name: str) -> dict[str, Any]:
    """Stop a workbench; one that is stopped stays so."""
    await learner.project(ns)
    notebook = await learner.acting.get(kinds.NOTEBOOK, name, ns)
    if not is_stopped(notebook):
        await learner.acting.patch(kinds.NOTEBOOK, name, ns, workbenches.stop_patch())
    return await _workbench(learner, ns, name)


@router.delete("/workbenches/{name}")
async def delete_workbench(
    learner: Asking, ns: str, name: str, dry: DryRun = False
) -> dict[str, Any]:
    """Delete a workbench and its variables."""
    snapshot = await _forms(learner, ns)
    notebook = snapshot.one(kinds.NOTEBOOK, name, "workbench")
    await workbenches.plan_delete(snapshot, notebook).run(learner.acting, dry=dry)
    return {}


async def _storage(learner: Learner, ns: str, name: str) -> dict[str, Any]:
    snapshot = await learner.snapshot(ns, "storages")
    claim = snapshot.one(kinds.CLAIM, name, "storage")
    return storage_item(claim, snapshot, await learner.offers())


@router.post("/storages")
async def create_storage(
    learner: Asking, ns: str, form: StorageForm, dry: DryRun = False
) -> dict[str, Any]:
    """Make a storage and mount it."""
    snapshot = await learner.snapshot(ns, "storages")
    plan, name = storages.plan_create(snapshot, form, await learner.offers())
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _storage(learner, ns, name)


@router.put("/storages/{name}")
async def change_storage(
    learner: Asking, ns: str, name: str, form: StorageForm, dry: DryRun = False
) -> dict[str, Any]:
    """Change a storage."""
    snapshot = await learner.snapshot(ns, "storages")
    claim = snapshot.one(kinds.CLAIM, name, "storage")
    plan = storages.plan_change(snapshot, claim, form, await learner.offers())
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _storage(learner, ns, name)


@router.delete("/storages/{name}")
async def delete_storage(
    learner: Asking, ns: str, name: str, dry: DryRun = False
) -> dict[str, Any]:
    """Delete a storage that is no workbench's root."""
    snapshot = await learner.snapshot(ns, "storages")
    claim = snapshot.one(kinds.CLAIM, name, "storage")
    item = storage_item(claim, snapshot, await learner.offers())
    if item["root"]:
        bench = next(entry["name"] for entry in item["connected"] if entry["root"])
        told = f"The storage {name} has the files of workbench {bench}: delete the workbench first."
        raise errors.RefusalError(409, "Conflict", told)
    await storages.plan_delete(snapshot, claim).run(learner.acting, dry=dry)
    return {}


def _secret(snapshot: Snapshot, name: str) -> Manifest:
    secret = snapshot.one(kinds.SECRET, name, "data connection")
    if not is_connection(secret):
        raise errors.not_found(f"data connection {name}", snapshot.namespace)
    return secret


async def _connection(learner: Learner, ns: str, name: str) -> dict[str, Any]:
    snapshot = await learner.snapshot(ns, "connections")
    return connection_item(_secret(snapshot, name), snapshot)


@router.post("/connections/try")
async def try_connection(learner: Asking, ns: str, form: ConnectionForm) -> dict[str, Any]:
    """Whether a connection works, else which field is wrong; it may be saved all the same."""
    await learner.project(ns)
    return await connections.try_connection(form)


@router.get("/connections/{name}")
async def connection(learner: Asking, ns: str, name: str) -> dict[str, Any]:
    """One data connection, and its form with both keys."""
    snapshot = await learner.snapshot(ns, "connections")
    secret = _secret(snapshot, name)
    return {
        **connection_item(secret, snapshot),
        "form": connection_form(secret, snapshot),
    }


@router.get("/connections/{name}/folders")
async def folders(learner: Asking, ns: str, name: str, path: str = "") -> dict[str, Any]:
    """The folders and files below a path of the connection's bucket."""
    await learner.project(ns)
    secret = await learner.acting.get(kinds.SECRET, name, ns)
    if not is_connection(secret):
        raise errors.not_found(f"data connection {name}", ns)
    return await connections.list_folder(secret, path)


@router.post("/connections")
async def create_connection(
    learner: Asking, ns: str, form: ConnectionForm, dry: DryRun = False
) -> dict[str, Any]:
    """Make a data connection and connect it."""
    snapshot = await learner.snapshot(ns, "connections")
    plan, name = connections.plan_create(snapshot, form)
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _connection(learner, ns, name)


@router.put("/connections/{name}")
async def change_connection(
    learner: Asking, ns: str, name: str, form: ConnectionForm, dry: DryRun = False
) -> dict[str, Any]:
    """Change a data connection."""
    snapshot = await learner.snapshot(ns, "connections")
    plan = connections.plan_change(snapshot, _secret(snapshot, name), form)
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _connection(learner, ns, name)


@router.delete("/connections/{name}")
async def delete_connection(
    learner: Asking, ns: str, name: str, dry: DryRun = False
) -> dict[str, Any]:
    """Take a data connection out of the workbenches and delete it."""
    snapshot = await learner.snapshot(ns, "connections")
    plan = connections.plan_delete(snapshot, _secret(snapshot, name))
    await plan.run(learner.acting, dry=dry)
    return {}
