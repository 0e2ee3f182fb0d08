"""Model servers, models and tokens."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from dashboard import kinds
from dashboard.api.common import Asking, DryRun
from dashboard.catalogue import is_shown
from dashboard.errors import RefusalError
from dashboard.forms import ModelForm, ServerForm
from dashboard.learner import Learner, platform_of
from dashboard.plans import serving
from dashboard.snapshot import Snapshot
from dashboard.status.model import is_single
from dashboard.views.models import accounts_of, model_item, server_item
from lab_ground.connections import decode_secret
from lab_ground.kubernetes.manifest import Manifest

router = APIRouter(prefix="/api/projects/{ns}")


def _server(snapshot: Snapshot, name: str) -> Manifest:
    return snapshot.one(kinds.RUNTIME, name, "model server")


def _model(snapshot: Snapshot, name: str) -> Manifest:
    return snapshot.one(kinds.MODEL, name, "model")


async def _accounts(learner: Learner, snapshot: Snapshot, server: str) -> list[str]:
    """The accounts of a server's callers that the dashboard, or the lab, made for it."""
    found = []
    for name in sorted(accounts_of(server, snapshot)):
        account = await learner.acting.find(kinds.SERVICE_ACCOUNT, name, snapshot.namespace)
        if account is not None and is_shown(account):
            found.append(name)
    return found


async def _server_view(learner: Learner, ns: str, name: str) -> dict[str, Any]:
    snapshot = await learner.snapshot(ns, "models")
    return server_item(_server(snapshot, name), snapshot, await learner.offers())


async def _model_view(learner: Learner, ns: str, name: str) -> dict[str, Any]:
    snapshot = await learner.snapshot(ns, "models")
    return model_item(_model(snapshot, name), snapshot, await learner.offers())


@router.post("/servers")
async def create_server(
    learner: Asking, ns: str, form: ServerForm, dry: DryRun = False
) -> dict[str, Any]:
    """Configure a model server."""
    snapshot = await learner.snapshot(ns, "models")
    template = await learner.catalogue.template(form.template)
    plan, name = serving.plan_server(snapshot, form, template, learner.settings)
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _server_view(learner, ns, name)


@router.put("/servers/{name}")
async def change_server(
    learner: Asking, ns: str, name: str, form: ServerForm, dry: DryRun = False
) -> dict[str, Any]:
    """Change a model server."""
    snapshot = await learner.snapshot(ns, "models")
    runtime = _server(snapshot, name)
    plan = serving.plan_server_change(snapshot, runtime, form, learner.settings)
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _server_view(learner, ns, name)


@router.delete("/servers/{name}")
async def delete_server(learner: Asking, ns: str, name: str, dry: DryRun = False) -> dict[str, Any]:
    """Delete a model server with its models and tokens."""
    snapshot = await learner.snapshot(ns, "models")
    runtime = _server(snapshot, name)
    accounts = await _accounts(learner, snapshot, name)
    plan = serving.plan_server_delete(snapshot, runtime, accounts)
    await plan.run(learner.acting, dry=dry)
    return {}


@router.post("/models")
async def create_model(
    learner: Asking, ns: str, form: ModelForm, dry: DryRun = False
) -> dict[str, Any]:
    """Deploy a model on the project's platform."""
    snapshot = await learner.snapshot(ns, "models")
    platform = platform_of(await learner.project(ns))
    if platform is None:
        told = "No model serving platform is chosen in this project yet."
        raise RefusalError(409, "Conflict", told)
    single = platform == "single"
    template = await learner.catalogue.template(form.template) if single else None
    plan, name = serving.plan_model(snapshot, form, template, learner.settings, single=single)
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _model_view(learner, ns, name)


@router.put("/models/{name}")
async def change_model(
    learner: Asking, ns: str, name: str, form: ModelForm, dry: DryRun = False
) -> dict[str, Any]:
    """Deploy a model again, as the form has it."""
    snapshot = await learner.snapshot(ns, "models")
    plan = serving.plan_model_change(snapshot, _model(snapshot, name), form, learner.settings)
    await plan.run(learner.acting, dry=dry)
    return {"name": name} if dry else await _model_view(learner, ns, name)


@router.delete("/models/{name}")
async def delete_model(learner: Asking, ns: str, name: str, dry: DryRun = False) -> dict[str, Any]:
    """Delete a model."""
    snapshot = await learner.snapshot(ns, "models")
    model = _model(snapshot, name)
    accounts = await _accounts(learner, snapshot, name) if is_single(model) else []
    await serving.plan_model_delete(snapshot, model, accounts).run(learner.acting, dry=dry)
    return {}


@router.get("/tokens/{secret}")
async def token(learner: Asking, ns: str, secret: str) -> dict[str, Any]:
    """A token's value: asked for by itself, so that no list ever holds one."""
    snapshot = await learner.snapshot(ns, "models")
    snapshot.need(kinds.SECRET)
    values, _ = decode_secret(serving.token_value(snapshot, secret))
    value = values.get("token")
    return {"token": value or None, "message": None if value else "Failed to get token."}
