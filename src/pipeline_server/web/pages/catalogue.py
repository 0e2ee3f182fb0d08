"""Pipelines with their versions, and experiments."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from fastapi import APIRouter, Request, Response

from pipeline_server.web import graph
from pipeline_server.web.pages.actions import perform
from pipeline_server.web.pages.context import Pages, page_size
from pipeline_server.web.pages.forms import Posted, PostedForm
from pipeline_server.web.source import PageError
from pipeline_server.web.spec import read_inputs
from pipeline_server.web.view_models import RunFilter


def create_router(pages: Pages) -> APIRouter:
    """Addresses of pipelines and experiments."""
    router = APIRouter()
    _add_pipelines(router, pages)
    _add_uploads(router, pages)
    _add_experiments(router, pages)
    return router


def _add_pipelines(router: APIRouter, pages: Pages) -> None:
    source = pages.source

    @router.get("/pipelines")
    def list_pipelines(request: Request) -> Response:
        return _pipelines(request, pages, {}, {})

    @router.get("/pipelines/{pipeline_id}")
    def show_pipeline(request: Request, pipeline_id: str, version: str = "") -> Response:
        return _pipeline(request, pages, pipeline_id, version, {}, {})

    @router.post("/pipelines/{pipeline_id}/delete")
    def delete_pipeline(request: Request, pipeline_id: str) -> Response:
        source.delete_pipeline(pipeline_id)
        return pages.redirect(request, "/pipelines", "deleted")


def _add_uploads(router: APIRouter, pages: Pages) -> None:
    source = pages.source

    @router.post("/pipelines")
    def upload(request: Request, form: Posted) -> Response:
        errors = _upload_errors(form)
        if not errors:
            name = form.text("name") or _stem(form.file_name)
            try:
                made = source.upload_pipeline(
                    name, form.text("description"), form.file_name, form.file
                )
            except PageError as error:
                errors = {error.field or "file": error.message}
            else:
                return pages.redirect(request, f"/pipelines/{made.pipeline_id}", "uploaded")
        return _pipelines(request, pages, form.fields, errors)

    @router.post("/pipelines/{pipeline_id}/versions")
    def upload_version(request: Request, pipeline_id: str, form: Posted) -> Response:
        errors = _upload_errors(form)
        if not errors:
            name = form.text("name") or _stem(form.file_name)
            try:
                made = source.upload_version(
                    pipeline_id, name, form.text("description"), form.file_name, form.file
                )
            except PageError as error:
                errors = {error.field or "file": error.message}
            else:
                path = f"/pipelines/{pipeline_id}?version={made.id}"
                return pages.redirect(request, path, "uploaded")
        return _pipeline(request, pages, pipeline_id, "", form.fields, errors)


def _add_experiments(router: APIRouter, pages: Pages) -> None:
    source = pages.source

    @router.get("/experiments")
    def list_experiments(request: Request) -> Response:
        return _experiments(request, pages, {}, {})

    @router.post("/experiments")
    def create_experiment(request: Request, form: Posted) -> Response:
        if not form.text("name"):
            errors = {"name": "Give the experiment a name."}
            return _experiments(request, pages, form.fields, errors)
        try:
            source.create_experiment(form.text("name"), form.text("description"))
        except PageError as error:
            errors = {error.field or "name": error.message}
            return _experiments(request, pages, form.fields, errors)
        return pages.redirect(request, "/experiments", "created")

    @router.get("/experiments/{experiment_id}")
    def show_experiment(request: Request, experiment_id: str) -> Response:
        experiment = source.get_experiment(experiment_id)
        archived = "&archived=1" if experiment.archived else ""
        return pages.redirect(request, f"/runs?experiment={experiment.id}{archived}")

    @router.post("/experiments/{experiment_id}/{action}")
    def act(request: Request, experiment_id: str, action: str) -> Response:
        actions = {
            "archive": (source.archive_experiment, "archived"),
            "unarchive": (source.unarchive_experiment, "unarchived"),
            "delete": (source.delete_experiment, "deleted"),
        }
        notice = perform(actions, action, experiment_id)
        return pages.redirect(request, "/experiments", notice)


def _pipelines(
    request: Request, pages: Pages, typed: Mapping[str, str], errors: Mapping[str, str]
) -> Response:
    text = request.query_params.get("q", "").strip()[:200]
    token = request.query_params.get("token", "")
    return pages.render(
        request,
        "pipelines.html",
        status=422 if errors else 200,
        section="pipelines",
        page=pages.source.list_pipelines(text, token, page_size(request)),
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
    source = pages.source
    pipeline = source.get_pipeline(pipeline_id)
    versions = source.list_versions(pipeline_id, "", 100).items
    version = source.get_version(pipeline_id, version_id) if versions else None
    return pages.render(
        request,
        "pipeline.html",
        status=422 if errors else 200,
        section="pipelines",
        pipeline=pipeline,
        versions=versions,
        version_shown=version,
        drawing=graph.draw_pipeline(version.spec if version else {}),
        inputs=read_inputs(version.spec) if version else (),
        recent=source.list_runs(RunFilter(pipeline_id=pipeline_id), "", 10).items,
        typed=typed,
        errors=errors,
    )


def _experiments(
    request: Request, pages: Pages, typed: Mapping[str, str], errors: Mapping[str, str]
) -> Response:
    archived = request.query_params.get("archived", "") == "1"
    token = request.query_params.get("token", "")
    return pages.render(
        request,
        "experiments.html",
        status=422 if errors else 200,
        section="experiments",
        page=pages.source.list_experiments(archived, token, page_size(request)),
        archived=archived,
        query=dict(request.query_params),
        typed=typed,
        errors=errors,
    )


def _upload_errors(form: PostedForm) -> dict[str, str]:
    if not form.file_name or not form.file:
        return {"file": "Choose a file: a compiled pipeline (.yaml), or one in a .zip or .tar.gz."}
    return {}


def _stem(file_name: str) -> str:
    name = PurePosixPath(file_name.replace("\\", "/")).name
    for ending in (".tar.gz", ".tgz", ".zip", ".yaml", ".yml", ".json"):
        name = name.removesuffix(ending)
    return name or "pipeline"
