"""Runs: the list, one run with its graph and steps, logs, comparison, and what is done to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from pipeline_server.database.models import RunState
from pipeline_server.errors import InvalidArgumentError
from pipeline_server.web import (
    artifacts,
    charts,
    formatting,
    graph,
    metrics,
    reading,
    security,
)
from pipeline_server.web.graph import Step
from pipeline_server.web.pages.actions import perform
from pipeline_server.web.pages.context import EVERY, Pages, page_size, run_filter
from pipeline_server.web.refusals import REFUSALS, Refusal
from pipeline_server.web.view_models import Artifact, FileList, RunDetail, State, TaskRun

VIEWS = ("graph", "steps", "output", "details")
TABS = ("io", "metrics", "logs", "details")
COMPARED = 2


def create_router(pages: Pages) -> APIRouter:
    """Addresses of runs."""
    router = APIRouter()
    _add_list(router, pages)
    _add_run(router, pages)
    _add_logs(router, pages)
    _add_actions(router, pages)
    return router


def _add_list(router: APIRouter, pages: Pages) -> None:
    services = pages.services

    @router.get("/")
    @router.get("/runs")
    def list_runs(request: Request) -> Response:
        wanted = run_filter(request.query_params)
        token = request.query_params.get("token", "")
        page = reading.list_runs(services, wanted, token, page_size(request))
        return pages.render(
            request,
            "runs.html",
            section="runs",
            page=page,
            wanted=wanted,
            query=dict(request.query_params),
            experiments=services.experiments.list(
                EVERY, storage_state=reading.storage_state(False)
            ).items,
            live=any(not run.state.finished for run in page.items),
            now=datetime.now(UTC),
        )

    @router.get("/compare")
    def compare(request: Request, run: list[str] = Query(default=[])) -> Response:  # noqa: B008
        wanted = list(dict.fromkeys(run))
        if len(wanted) != COMPARED:
            raise InvalidArgumentError("Choose two different runs in the list to compare them.")
        left, right = (reading.get_run(services, run_id) for run_id in wanted)
        return pages.render(
            request, "compare.html", section="runs", **_comparison(pages, left, right)
        )


def _add_run(router: APIRouter, pages: Pages) -> None:
    @router.get("/runs/{run_id}")
    def show_run(
        request: Request, run_id: str, view: str = "graph", step: str = "", tab: str = ""
    ) -> Response:
        run = reading.get_run(pages.services, run_id)
        steps = graph.steps_of(run)
        view = view if view in VIEWS else "graph"
        panel = _panel(pages, run, steps, step, request.query_params.get("task", ""), tab)
        values: dict[str, Any] = {"drawing": None}
        now = datetime.now(UTC)
        if view == "graph":
            values["drawing"] = graph.draw(steps, now)
        if view == "output":
            values |= _output(pages, run)
        return pages.render(
            request,
            "run.html",
            section="runs",
            run=run,
            steps=steps,
            flat=tuple(_indented(steps)),
            progress=graph.progress(steps),
            counts=graph.state_counts(steps),
            culprit=_culprit(steps),
            waiting=graph.waiting(steps),
            view=view,
            panel=panel,
            live=not run.summary.state.finished,
            now=now,
            **values,
        )


def _add_logs(router: APIRouter, pages: Pages) -> None:
    @router.get("/runs/{run_id}/tasks/{task_id}/log")
    def read_log(run_id: str, task_id: str, offset: int = Query(0, ge=0)) -> Response:
        chunk = pages.services.logs.read(run_id, task_id, offset)
        return JSONResponse(
            {
                "text": chunk.text,
                "offset": chunk.next_offset,
                "complete": chunk.complete,
                "note": chunk.note,
            },
            headers=security.content_headers(scripts=False),
        )

    @router.get("/runs/{run_id}/tasks/{task_id}/log.txt")
    def download_log(run_id: str, task_id: str) -> Response:
        headers = security.content_headers(scripts=False)
        return Response(_whole_log(pages, run_id, task_id), 200, headers, "text/plain")


def _add_actions(router: APIRouter, pages: Pages) -> None:
    services = pages.services

    def terminate(run_id: str) -> None:
        """One that is stopping already, as after a second click, goes on doing so."""
        if services.runs.get(run_id).state != RunState.CANCELING:
            services.runs.terminate(run_id)

    actions = {
        "terminate": (terminate, "terminated"),
        "retry": (services.runs.retry, "retried"),
        "archive": (services.runs.archive, "archived"),
        "unarchive": (services.runs.unarchive, "unarchived"),
    }

    @router.post("/runs/{run_id}/delete")
    def delete(request: Request, run_id: str) -> Response:
        services.runs.delete(run_id)
        return pages.redirect(request, "/runs?archived=1", "deleted")

    @router.post("/runs/{run_id}/{action}")
    def act(request: Request, run_id: str, action: str) -> Response:
        notice = perform(actions, action, run_id)
        return pages.redirect(request, f"/runs/{run_id}", notice)


def _output(pages: Pages, run: RunDetail) -> dict[str, Any]:
    """Files and artifacts of a run; a store that does not answer hides none of the rest."""
    listed = FileList()
    problem = ""
    try:
        listed = reading.list_files(pages.services, run.summary.id)
    except REFUSALS as error:
        problem = Refusal.of(error).message
    files = artifacts.in_reading_order(listed.files)
    visuals = metrics.visuals((*_outputs(run), *files), pages.small_text(run.summary.id))
    return {
        "visuals": charts.drawn(visuals),
        "files": files,
        "closed": listed.closed,
        "more": listed.more,
        "problem": problem,
    }


def _panel(
    pages: Pages, run: RunDetail, steps: Sequence[Step], key: str, task_id: str, tab: str
) -> dict[str, Any] | None:
    step = next((step for step in graph.walk(steps) if step.key == key), None)
    if step is None:
        return None
    task = next((task for task in step.tasks if task.id == task_id), None) or _foremost(step)
    tab = tab if tab in TABS else "io"
    panel: dict[str, Any] = {
        "step": step,
        "task": task,
        "tab": tab,
        "visuals": (),
        "log": None,
        "waits_for": _waits_for(step, steps),
    }
    if task is not None and tab == "metrics":
        panel["visuals"] = charts.drawn(
            metrics.visuals(task.output_artifacts, pages.small_text(run.summary.id))
        )
    if task is not None and tab == "logs" and task.has_log:
        panel["log"] = pages.services.logs.read(run.summary.id, task.id, 0)
    return panel


def _foremost(step: Step) -> TaskRun | None:
    """The execution to show first: one that failed or goes on, else the last."""
    for state in (State.FAILED, State.RUNNING):
        found = next((task for task in step.tasks if task.state is state), None)
        if found is not None:
            return found
    return step.tasks[-1] if step.tasks else None


def _waits_for(step: Step, steps: Sequence[Step]) -> tuple[Step, ...]:
    parent = step.key.rpartition(graph.SEPARATOR)[0]
    return tuple(
        other
        for other in graph.walk(steps)
        if other.key.rpartition(graph.SEPARATOR)[0] == parent
        and other.node.name in step.node.depends_on
        and not other.state.finished
    )


def _culprit(steps: Sequence[Step]) -> tuple[Step, TaskRun] | None:
    """The innermost step that failed first, with the execution that did."""
    failed = [
        (step, task)
        for step in graph.walk(steps)
        if not step.is_group
        for task in step.tasks
        if task.state is State.FAILED
    ]
    never = datetime.max.replace(tzinfo=UTC)
    return min(failed, key=lambda pair: pair[1].finished_at or never, default=None)


def _indented(steps: Sequence[Step], depth: int = 0) -> list[tuple[int, Step]]:
    lines: list[tuple[int, Step]] = []
    for step in steps:
        lines.append((depth, step))
        lines.extend(_indented(step.children, depth + 1))
    return lines


def _outputs(run: RunDetail) -> tuple[Artifact, ...]:
    found = {artifact.id: artifact for task in run.tasks for artifact in task.output_artifacts}
    return tuple(found.values())


def _whole_log(pages: Pages, run_id: str, task_id: str) -> str:
    parts: list[str] = []
    offset = 0
    while True:
        chunk = pages.services.logs.read(run_id, task_id, offset)
        parts.append(chunk.text)
        if chunk.complete or chunk.next_offset <= offset:
            return "".join(parts)
        offset = chunk.next_offset


def _comparison(pages: Pages, left: RunDetail, right: RunDetail) -> dict[str, Any]:
    runs = (left, right)
    values = [metrics.scalars_of(_outputs(run), pages.small_text(run.summary.id)) for run in runs]
    steps = [
        {step.key: step for step in graph.walk(graph.steps_of(run)) if not step.is_group}
        for run in runs
    ]
    durations = [{key: _seconds(step) for key, step in found.items()} for found in steps]
    longest = max((time for found in durations for time in found.values() if time), default=1.0)
    return {
        "runs": runs,
        "now": datetime.now(UTC),
        "parameters": _rows(left.parameters, right.parameters),
        "metrics": _rows(values[0], values[1]),
        "steps": _rows(steps[0], steps[1]),
        "durations": durations,
        "longest": longest,
        "span": formatting.span,
        "visuals": [
            tuple(
                pair
                for pair in charts.drawn(
                    metrics.visuals(_outputs(run), pages.small_text(run.summary.id))
                )
                if pair[0].kind in {"confusion", "roc"}
            )
            for run in runs
        ],
    }


def _rows(left: Any, right: Any) -> list[tuple[str, Any, Any]]:
    return [(key, left.get(key), right.get(key)) for key in dict.fromkeys([*left, *right])]


def _seconds(step: Step) -> float | None:
    times = [formatting.duration_seconds(task.started_at, task.finished_at) for task in step.tasks]
    known = [time for time in times if time is not None]
    return sum(known) if known else None
