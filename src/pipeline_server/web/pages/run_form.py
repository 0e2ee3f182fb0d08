"""Starting a run: once or on a schedule, of a stored version or as a copy of a run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from pipeline_server.web import forms, graph
from pipeline_server.web.pages.context import Pages
from pipeline_server.web.pages.forms import Posted, PostedForm
from pipeline_server.web.source import PageError
from pipeline_server.web.spec import InputField, pipeline_name, read_inputs
from pipeline_server.web.view_models import NewRun, Pipeline, PipelineVersion, RunDetail


@dataclass(frozen=True)
class Subject:
    """What shall run."""

    title: str
    spec: Mapping[str, Any]
    pipeline: Pipeline | None = None
    version: PipelineVersion | None = None
    original: RunDetail | None = None

    @property
    def inputs(self) -> tuple[InputField, ...]:
        """Parameters of its form."""
        return read_inputs(self.spec)

    @property
    def given(self) -> Mapping[str, Any]:
        """Values that a copy begins with."""
        return self.original.parameters if self.original else {}


def create_router(pages: Pages) -> APIRouter:
    """Addresses of the form."""
    router = APIRouter()

    @router.get("/new-run")
    def show(request: Request) -> Response:
        query = request.query_params
        subject = _subject(pages, query)
        if subject is None:
            return pages.render(
                request,
                "choose_pipeline.html",
                section="runs",
                pipelines=pages.source.list_pipelines("", "", 100).items,
                mode=query.get("mode", "once"),
            )
        typed = {
            "name": _proposed_name(subject),
            "mode": "recurring" if query.get("mode") == "recurring" else "once",
            "experiment": query.get("experiment", "")
            or (subject.original.summary.experiment_id if subject.original else ""),
        }
        return _form(request, pages, subject, typed, {}, fresh=True)

    @router.post("/new-run")
    def start(request: Request, form: Posted) -> Response:
        subject = _subject(pages, form.fields)
        if subject is None:
            raise PageError(400, "Choose a pipeline first.")
        checked = forms.check(subject.inputs, form.fields, subject.given)
        if checked.errors:
            return _form(request, pages, subject, form.fields, checked.errors)
        try:
            made = pages.source.create_run(_new_run(subject, checked, form))
        except PageError as error:
            field = _field_of(error, subject.inputs)
            return _form(
                request, pages, subject, form.fields, {field: error.message}, status=error.status
            )
        if checked.schedule:
            return pages.redirect(request, "/recurring-runs", "scheduled")
        return pages.redirect(request, f"/runs/{made}", "started")

    return router


def _subject(pages: Pages, query: Mapping[str, str]) -> Subject | None:
    source = pages.source
    if query.get("clone"):
        run = source.get_run(query["clone"])
        return Subject(f"Copy of {run.summary.name}", run.spec, original=run)
    if not query.get("pipeline"):
        return None
    pipeline = source.get_pipeline(query["pipeline"])
    version = source.get_version(pipeline.id, query.get("version", ""))
    return Subject(pipeline.name, version.spec, pipeline, version)


def _proposed_name(subject: Subject) -> str:
    if subject.original:
        name = subject.original.summary.name
        return name if name.startswith("Copy of ") else f"Copy of {name}"
    base = subject.pipeline.name if subject.pipeline else pipeline_name(subject.spec)
    return f"{base} {uuid.uuid4().hex[:5]}"


def _new_run(subject: Subject, checked: forms.Checked, form: PostedForm) -> NewRun:
    version, original = subject.version, subject.original
    stored = original.summary if original and original.summary.version_id else None
    return NewRun(
        name=checked.name,
        description=form.text("description"),
        experiment_id=form.text("experiment"),
        pipeline_id=version.pipeline_id if version else stored.pipeline_id if stored else "",
        version_id=version.id if version else stored.version_id if stored else "",
        spec={} if version or stored else subject.spec,
        parameters=checked.parameters,
        schedule=checked.schedule,
        request_key=form.text("key"),
    )


def _field_of(error: PageError, inputs: Sequence[InputField]) -> str:
    """The field to show a refusal of the server beside; "" is the head of the form."""
    names = {item.name for item in inputs}
    if error.field in names:
        return forms.PREFIX + error.field
    quoted = next((name for name in names if f"'{name}'" in error.message), None)
    return forms.PREFIX + quoted if quoted else error.field


def _form(
    request: Request,
    pages: Pages,
    subject: Subject,
    typed: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    status: int = 422,
    fresh: bool = False,
) -> Response:
    versions: tuple[PipelineVersion, ...] = ()
    if subject.pipeline:
        versions = pages.source.list_versions(subject.pipeline.id, "", 100).items
    return pages.render(
        request,
        "new_run.html",
        status=200 if fresh else status,
        section="runs",
        subject=subject,
        versions=versions,
        fields=forms.build_fields(subject.inputs, typed, subject.given, errors),
        typed=typed,
        errors=errors,
        fresh=fresh,
        key=typed.get("key") or str(uuid.uuid4()),
        units=tuple(forms.UNITS),
        drawing=graph.draw_pipeline(subject.spec),
        experiments=pages.source.list_experiments(False, "", 100).items,
    )
