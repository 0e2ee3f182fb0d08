"""The pipeline server, pipelines, runs and schedules."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile

from dashboard import errors, kinds
from dashboard.api.common import Asking, DryRun, faults_of
from dashboard.errors import RefusalError
from dashboard.forms import PipelineForm, PipelineServerForm, RunForm, ScheduleForm
from dashboard.learner import Learner
from dashboard.objects.pipelines import (
    DATABASE_SECRET,
    NAME,
    STORAGE_SECRET,
    build_database_secret,
    build_server,
    build_storage_secret,
)
from dashboard.pipelines_api import (
    MOST,
    ProjectPipelines,
    pipeline_item,
    run_item,
    schedule_item,
)
from dashboard.plans.connections import connection_of, plan_choice
from dashboard.snapshot import SECTIONS, Snapshot, read
from dashboard.status import times
from dashboard.submit import Make, Plan, Remove
from dashboard.validation import Problems
from dashboard.views.pipelines import application_of, server_view

router = APIRouter(prefix="/api/projects/{ns}")
LARGEST_PIPELINE = 4 * 1024 * 1024


async def _snapshot(learner: Learner, ns: str) -> Snapshot:
    await learner.project(ns)
    return await read(learner.acting, ns, SECTIONS["pipelines"])


async def _api(request: Request, learner: Learner, ns: str) -> tuple[ProjectPipelines, Any]:
    """The project's pipelines API, and how its server is.

    Raises:
        RefusalError: there is no server, or it is not ready.
    """
    snapshot = await _snapshot(learner, ns)
    server = server_view(snapshot, times.now())
    if server is None:
        raise errors.not_found("pipeline server", ns)
    if server["state"] != "ready":
        raise RefusalError(
            503, "Unavailable", f"The pipeline server is not ready: {server['message']}"
        )
    return request.app.state.pipelines.of(ns, server["name"], learner.token), server


@router.post("/pipeline-server")
async def create_server(
    learner: Asking, ns: str, form: PipelineServerForm, dry: DryRun = False
) -> dict[str, Any]:
    """Configure the pipeline server."""
    snapshot = await _snapshot(learner, ns)
    if application_of(snapshot) is not None:
        told = "This project has a pipeline server already."
        raise RefusalError(409, "Exists", told)
    plan, problems = Plan(), Problems()
    plan_choice(plan, problems, snapshot, form.connection, needs_bucket=True)
    problems.done()
    connection = connection_of(snapshot, form.connection)
    secret = build_storage_secret(ns, connection)
    plan.add("keys", Make(secret, what="Secret", over=True))
    if form.database is not None:
        password = build_database_secret(ns, form.database.password)
        plan.add("database", Make(password, what="Secret", field="database", over=True))
    plan.add("server", Make(build_server(ns, connection, form.database), what="pipeline server"))
    await plan.run(learner.acting, dry=dry)
    if dry:
        return {"name": NAME}
    return server_view(await _snapshot(learner, ns), times.now()) or {}


@router.delete("/pipeline-server")
async def delete_server(learner: Asking, ns: str, dry: DryRun = False) -> dict[str, Any]:
    """Delete the pipeline server and the Secrets that were made for it."""
    snapshot = await _snapshot(learner, ns)
    application = application_of(snapshot)
    if application is None:
        raise errors.not_found("pipeline server", ns)
    plan = Plan()
    for name in (DATABASE_SECRET, "ds-pipeline-config", STORAGE_SECRET):
        plan.add(name, Remove(kinds.SECRET, name, ns))
    plan.add("server", Remove(kinds.PIPELINES, application["metadata"]["name"], ns))
    await plan.run(learner.acting, dry=dry)
    return {}


@router.post("/pipelines")
async def import_pipeline(request: Request, learner: Asking, ns: str) -> dict[str, Any]:
    """Import a pipeline from a file, or by its address."""
    api, _ = await _api(request, learner, ns)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        return pipeline_item(await _upload(request, api))
    try:
        form = PipelineForm.model_validate(await request.json())
    except (ValueError, ValidationError) as error:
        found = error.errors() if isinstance(error, ValidationError) else []
        raise errors.invalid(faults_of([dict(fault) for fault in found])) from error
    problems = Problems()
    _check_name(problems, form.display_name)
    if not form.url.startswith(("http://", "https://")):
        told = f"The address {form.url!r} does not begin with http:// or https://."
        problems.add("url", told)
    problems.done()
    body = {
        "pipeline": {"display_name": form.display_name.strip(), "description": form.description},
        "pipeline_version": {
            "display_name": form.display_name.strip(),
            "package_url": {"pipeline_url": form.url},
        },
    }
    return pipeline_item(await api.ask("POST", "/pipelines/create", body=body))


def _check_name(problems: Problems, name: str) -> None:
    if not name.strip():
        problems.add("displayName", "A name is needed.")
    elif len(name) > 255:
        told = f"The name has {len(name)} characters; at most 255 are allowed."
        problems.add("displayName", told)


async def _upload(request: Request, api: ProjectPipelines) -> dict[str, Any]:
    data = await request.form()
    name, file = str(data.get("displayName") or ""), data.get("file")
    problems = Problems()
    _check_name(problems, name)
    if not isinstance(file, UploadFile):
        problems.add("file", "The pipeline's file is missing.")
        problems.done()
    assert isinstance(file, UploadFile)  # noqa: S101 - refused above
    content = await file.read(LARGEST_PIPELINE + 1)
    if len(content) > LARGEST_PIPELINE:
        problems.add("file", f"The file is larger than {LARGEST_PIPELINE // 2**20} MiB.")
    if not content.strip():
        problems.add("file", "The file is empty.")
    if b"kind: Workflow" in content:
        told = "This is a workflow of Argo, not a pipeline: compile it with the kfp SDK, version 2."
        problems.add("file", told)
    problems.done()
    query = {"name": name.strip(), "description": str(data.get("description") or "")}
    files = {"uploadfile": (file.filename or "pipeline.yaml", content)}
    return await api.ask("POST", "/pipelines/upload", query=query, files=files)


@router.get("/pipelines/{identifier}")
async def pipeline(request: Request, learner: Asking, ns: str, identifier: str) -> dict[str, Any]:
    """A pipeline with its versions and their parameters."""
    api, _ = await _api(request, learner, ns)
    path = f"/pipelines/{quote(identifier, safe='')}"
    found, versions = await asyncio.gather(api.ask("GET", path), api.versions(identifier))
    return {**pipeline_item(found, len(versions)), "versions": versions}


@router.delete("/pipelines/{identifier}")
async def delete_pipeline(
    request: Request, learner: Asking, ns: str, identifier: str
) -> dict[str, Any]:
    """Delete a pipeline with its versions, which come first."""
    api, _ = await _api(request, learner, ns)
    path = f"/pipelines/{quote(identifier, safe='')}"
    for version in await api.versions(identifier):
        await api.ask("DELETE", f"{path}/versions/{quote(str(version['id']), safe='')}")
    await api.ask("DELETE", path)
    return {}


@router.get("/runs")
async def runs(request: Request, learner: Asking, ns: str) -> dict[str, Any]:
    """The newest runs."""
    api, server = await _api(request, learner, ns)
    query = {"page_size": str(MOST), "sort_by": "created_at desc"}
    found = (await api.ask("GET", "/runs", query=query)).get("runs") or []
    return {"items": [run_item(item, server["url"]) for item in found]}


def _run_body(form: RunForm) -> dict[str, Any]:
    problems = Problems()
    _check_name(problems, form.display_name)
    problems.done()
    return {
        "display_name": form.display_name.strip(),
        "description": form.description,
        "pipeline_version_reference": {
            "pipeline_id": form.pipeline,
            "pipeline_version_id": form.version,
        },
        "runtime_config": {"parameters": form.parameters},
        "service_account": "",
    }


@router.post("/runs")
async def create_run(request: Request, learner: Asking, ns: str, form: RunForm) -> dict[str, Any]:
    """Start a run."""
    api, server = await _api(request, learner, ns)
    return run_item(await api.ask("POST", "/runs", body=_run_body(form)), server["url"])


@router.get("/schedules")
async def schedules(request: Request, learner: Asking, ns: str) -> dict[str, Any]:
    """The schedules."""
    api, _ = await _api(request, learner, ns)
    query = {"page_size": str(MOST), "sort_by": "created_at desc"}
    found = (await api.ask("GET", "/recurringruns", query=query)).get("recurringRuns") or []
    return {"items": [schedule_item(item) for item in found]}


@router.post("/schedules")
async def create_schedule(
    request: Request, learner: Asking, ns: str, form: ScheduleForm
) -> dict[str, Any]:
    """Make a schedule."""
    api, _ = await _api(request, learner, ns)
    body = _run_body(form)
    limits = {
        **({"start_time": form.start} if form.start else {}),
        **({"end_time": form.end} if form.end else {}),
    }
    if form.trigger.kind == "periodic":
        seconds = str(form.trigger.seconds or 7 * 24 * 3600)
        trigger = {"periodic_schedule": {"interval_second": seconds, **limits}}
    else:
        if not (form.trigger.cron or "").strip():
            raise errors.invalid({"trigger.cron": "The cron expression is missing."})
        trigger = {"cron_schedule": {"cron": str(form.trigger.cron), **limits}}
    body |= {
        "trigger": trigger,
        "max_concurrency": str(form.maximum_concurrent),
        "no_catchup": not form.catch_up,
        "mode": "ENABLE",
    }
    return schedule_item(await api.ask("POST", "/recurringruns", body=body))


@router.post("/schedules/{identifier}/{action}")
async def switch_schedule(
    request: Request, learner: Asking, ns: str, identifier: str, action: str
) -> dict[str, Any]:
    """Enable or disable a schedule."""
    if action not in ("enable", "disable"):
        raise errors.not_found(f"action {action}")
    api, _ = await _api(request, learner, ns)
    await api.ask("POST", f"/recurringruns/{quote(identifier, safe='')}:{action}")
    return {}


@router.delete("/schedules/{identifier}")
async def delete_schedule(
    request: Request, learner: Asking, ns: str, identifier: str
) -> dict[str, Any]:
    """Delete a schedule."""
    api, _ = await _api(request, learner, ns)
    await api.ask("DELETE", f"/recurringruns/{quote(identifier, safe='')}")
    return {}
