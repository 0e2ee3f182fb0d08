"""Pipelines with their versions, and experiments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from fastapi import APIRouter, Request, Response

from pipeline_server.database.models import StorageState
from pipeline_server.web import graph, reading
from pipeline_server.web.pages.actions import perform
from pipeline_server.web.pages.context import EVERY, Pages, newest_first
from pipeline_server.web.pages.forms import Posted, PostedForm
from pipeline_server.web.refusals import REFUSALS, Refusal
from pipeline_server.web.spec import read_inputs
from pipeline_server.web.view_models import RunFilter

LATEST_RUNS = 10


def create_router(pages: Pages) -> APIRouter:
    """Addresses of pipelines and experiments."""
    router = APIRouter()
    _add_pipelines(router, pages)
    _add_uploads(router, pages)
    _add_experiments(router, pages)
    return router


def _add_pipelines(router: APIRouter, pages: Pages) -> None:
    @router.get("/pipelines")
    def list_pipelines(request: Request) -> Response:
        return _pipelines(request, pages, {}, {})

    @router.get("/pipelines/{pipeline_id}")
    def show_pipeline(request: Request, pipeline_id: str, version: str = "") -> Response:
        return _pipeline(request, pages, pipeline_id, version, {}, {})

    @router.post("/pipelines/{pipeline_id}/delete")
    def delete_pipeline(request: Request, pipeline_id: str) -> Response:
        pages.services.pipelines.delete(pipeline_id)
        return pages.redirect(request, "/pipelines", "deleted")


def _add_uploads(router: APIRouter, pages: Pages) -> None:
    pipelines = pages.services.pipelines

    @router.post("/pipelines")
    def upload(request: Request, form: Posted) -> Response:
        errors = _upload_errors(form)
        if not errors:
            name = form.text("name") or _stem(form.file_name)
            try:
                pipeline, _ = pipelines.upload(
                    form.file, form.file_name, name=name, description=form.text("description")
                )
            except REFUSALS as error:
                errors = _beside("file", error)
            else:
                return pages.redirect(request, f"/pipelines/{pipeline.id}", "uploaded")
        return _pipelines(request, pages, form.fields, errors)

    @router.post("/pipelines/{pipeline_id}/versions")
    def upload_version(request: Request, pipeline_id: str, form: Posted) -> Response:
        errors = _upload_errors(form)
        if not errors:
            name = form.text("name") or _stem(form.file_name)
            try:
                version = pipelines.upload_version(
                    pipeline_id,
                    form.file,
                    form.file_name,
                    name=name,
                    description=form.text("description"),
                )
            except REFUSALS as error:
                errors = _beside("file", error)
            else:
                path = f"/pipelines/{pipeline_id}?version={version.id}"
                return pages.redirect(request, path, "uploaded")
        return _pipeline(request, pages, pipeline_id, "", form.fields, errors)


def _add_experiments(router: APIRouter, pages: Pages) -> None:
    service = pages.services.experiments

    @router.get("/experiments")
    def list_experiments(request: Request) -> Response:
        return _experiments(request, pages, {}, {})

    @router.post("/experiments")
    def create_experiment(request: Request, form: Posted) -> Response:
        if not form.text("name"):
            errors = {"name": "Give the experiment a name."}
            return _experiments(request, pages, form.fields, errors)
        try:
            service.create(form.text("name"), form.text("description"))
        except REFUSALS as error:
            return _experiments(request, pages, form.fields, _beside("name", error))
        return pages.redirect(request, "/experiments", "created")

    @router.get("/experiments/{experiment_id}")
    def show_experiment(request: Request, experiment_id: str) -> Response:
        experiment = service.get(experiment_id)
        archived = "&archived=1" if experiment.storage_state == StorageState.ARCHIVED else ""
        return pages.redirect(request, f"/runs?experiment={experiment.id}{archived}")

    @router.post("/experiments/{experiment_id}/{action}")
    def act(request: Request, experiment_id: str, action: str) -> Response:
        actions = {
            "archive": (service.archive, "archived"),
            "unarchive": (service.unarchive, "unarchived"),
            "delete": (service.delete, "deleted"),
        }
        notice = perform(actions, action, experiment_id)
        return pages.redirect(request, "/experiments", notice)


def _pipelines(
    request: Request, pages: Pages, typed: Mapping[str, str], errors: Mapping[str, str]
) -> Response:
    text = request.query_params.get("q", "").strip()[:200]
    return pages.render(
        request,
        "pipelines.html",
        status=422 if errors else 200,
        section="pipelines",
        page=pages.services.pipelines.list(newest_first(request, reading.containing(text))),
        text=text,
        query=dict(request.query_params),
        typed=typed,
        errors=errors,
    )


def _pipeline(
    request: Request,
    pages: Pages,
    pipeline_id: str,
    version_id: str,
    typed: Mapping[str, str],
    errors: Mapping[str, str],
) -> Response:
    service = pages.services.pipelines
    pipeline = service.get(pipeline_id)
    versions = service.list_versions(pipeline_id, EVERY).items
    version = service.get_version(pipeline_id, version_id) if versions else None
    spec = version.document.content if version else {}
    return pages.render(
        request,
        "pipeline.html",
        status=422 if errors else 200,
        section="pipelines",
        pipeline=pipeline,
        versions=versions,
        version_shown=version,
        drawing=graph.draw_pipeline(spec),
        inputs=read_inputs(spec),
        recent=reading.list_runs(
            pages.services, RunFilter(pipeline_id=pipeline_id), "", LATEST_RUNS
        ).items,
        typed=typed,
        errors=errors,
    )


def _experiments(
    request: Request, pages: Pages, typed: Mapping[str, str], errors: Mapping[str, str]
) -> Response:
    archived = request.query_params.get("archived", "") == "1"
    page = pages.services.experiments.list(
        newest_first(request), storage_state=reading.storage_state(archived)
    )
    return pages.render(
        request,
        "experiments.html",
        status=422 if errors else 200,
        section="experiments",
        page=page,
        archived=archived,
        query=dict(request.query_params),
        typed=typed,
        errors=errors,
    )


def _beside(field: str, error: Exception) -> dict[str, str]:
    refusal = Refusal.of(error)
    return {refusal.field or field: refusal.message}


def _upload_errors(form: PostedForm) -> dict[str, str]:
    if not form.file_name or not form.file:
        return {"file": "Choose a file: a compiled pipeline (.yaml), or one in a .zip or .tar.gz."}
    return {}


def _stem(file_name: str) -> str:
    name = PurePosixPath(file_name.replace("\\", "/")).name
    for ending in (".tar.gz", ".tgz", ".zip", ".yaml", ".yml", ".json"):
        name = name.removesuffix(ending)
    return name or "pipeline"
