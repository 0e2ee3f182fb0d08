"""Starting a run: once or on a schedule, of a stored version or as a copy of a run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from pipeline_server.database.models import Pipeline, PipelineVersion
from pipeline_server.errors import InvalidArgumentError
from pipeline_server.services.recurring_runs import NewRecurringRun
from pipeline_server.services.runs import NewRun
from pipeline_server.web import forms, graph, reading
from pipeline_server.web.pages.context import EVERY, Pages
from pipeline_server.web.pages.forms import Posted, PostedForm
from pipeline_server.web.refusals import REFUSALS, Refusal
from pipeline_server.web.spec import InputField, pipeline_name, read_inputs
from pipeline_server.web.view_models import RunDetail


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
                pipelines=pages.services.pipelines.list(EVERY).items,
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
            raise InvalidArgumentError("Choose a pipeline first.")
        checked = forms.check(subject.inputs, form.fields, subject.given)
        if checked.errors:
            return _form(request, pages, subject, form.fields, checked.errors)
        run = _new_run(subject, checked, form)
        try:
            if checked.schedule:
                pages.services.recurring_runs.create(NewRecurringRun(run, checked.schedule))
                return pages.redirect(request, "/recurring-runs", "scheduled")
            made = pages.services.runs.create(run)
        except REFUSALS as error:
            refusal = Refusal.of(error)
            errors = {refusal.field: refusal.message}
            return _form(request, pages, subject, form.fields, errors, status=refusal.status)
        return pages.redirect(request, f"/runs/{made.id}", "started")

    return router


def _subject(pages: Pages, query: Mapping[str, str]) -> Subject | None:
    if query.get("clone"):
        run = reading.get_run(pages.services, query["clone"])
        return Subject(f"Copy of {run.summary.name}", run.spec, original=run)
    if not query.get("pipeline"):
        return None
    pipelines = pages.services.pipelines
    pipeline = pipelines.get(query["pipeline"])
    version = pipelines.get_version(pipeline.id, query.get("version", ""))
    return Subject(pipeline.display_name, version.document.content, pipeline, version)


def _proposed_name(subject: Subject) -> str:
    if subject.original:
        name = subject.original.summary.name
        return name if name.startswith("Copy of ") else f"Copy of {name}"
    base = subject.pipeline.display_name if subject.pipeline else pipeline_name(subject.spec)
    return f"{base} {uuid.uuid4().hex[:5]}"


def _new_run(subject: Subject, checked: forms.Checked, form: PostedForm) -> NewRun:
    version, original = subject.version, subject.original
    stored = original.summary if original and original.summary.version_id else None
    return NewRun(
        display_name=checked.name,
        description=form.text("description"),
        experiment_id=form.text("experiment"),
        pipeline_id=version.pipeline_id if version else stored.pipeline_id if stored else "",
        pipeline_version_id=version.id if version else stored.version_id if stored else "",
        spec=None if version or stored else dict(subject.spec),
        runtime_config={"parameters": checked.parameters},
        request_key=form.text("key"),
    )


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
    versions: Sequence[PipelineVersion] = ()
    if subject.pipeline:
        versions = pages.services.pipelines.list_versions(subject.pipeline.id, EVERY).items
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
        experiments=pages.services.experiments.list(
            EVERY, storage_state=reading.storage_state(False)
        ).items,
    )
