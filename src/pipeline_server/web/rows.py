"""Rows of the database as the page's view models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pipeline_server.database import models
from pipeline_server.services import runs as run_service
from pipeline_server.web.view_models import (
    Artifact,
    RunSummary,
    State,
    StateChange,
    TaskRun,
)


def summary_of(run: models.Run, names: run_service.RunNames) -> RunSummary:
    """A deleted pipeline or version has no name any more, so nothing links to it either."""
    pipeline = names.pipelines.get(run.pipeline_id or "", "")
    version = names.versions.get(run.pipeline_version_id or "", "")
    return RunSummary(
        id=run.id,
        name=run.display_name,
        state=State.parse(run.state),
        created_at=run.created_at,
        finished_at=run.finished_at,
        experiment_id=run.experiment_id,
        experiment_name=names.experiments.get(run.experiment_id, ""),
        pipeline_id=run.pipeline_id or "" if pipeline else "",
        pipeline_name=pipeline,
        version_id=run.pipeline_version_id or "" if version else "",
        version_name=version,
        recurring_run_id=run.recurring_run_id or "",
        archived=run.storage_state == models.StorageState.ARCHIVED,
        error=run.error,
    )


def tasks_of(
    rows: Sequence[models.Task], artifacts: Mapping[str, models.Artifact]
) -> tuple[TaskRun, ...]:
    """Everything below the root. A loop stands for itself only until it has rounds."""
    by_id = {row.id: row for row in rows}
    with_rounds = {row.parent_id for row in rows if row.iteration is not None}
    shown = [
        row
        for row in rows
        if row.parent_id and not (row.kind == models.TaskKind.LOOP and row.id in with_rounds)
    ]
    return tuple(_task(row, by_id, artifacts) for row in shown)


def _task(
    row: models.Task,
    by_id: Mapping[str, models.Task],
    artifacts: Mapping[str, models.Artifact],
) -> TaskRun:
    state = State.parse(row.state)
    # A step taken from the cache is skipped in the API's words, though its outputs are there.
    if row.cached_from_id and state in (State.SUCCEEDED, State.SKIPPED):
        state = State.CACHED
    parent = by_id.get(row.parent_id or "")
    name, shown = row.name, row.display_name
    if row.iteration is not None and parent is not None:
        name, shown = parent.name, parent.display_name
    return TaskRun(
        id=row.id,
        name=name,
        state=state,
        display_name=shown,
        parent_id=_ancestor(row, by_id),
        iteration=_rounds(row, by_id),
        started_at=row.started_at,
        finished_at=row.finished_at,
        error=row.error,
        note="" if state.finished else row.note,
        pod_name=row.pod_name,
        attempts=row.attempt_count,
        inputs=row.inputs.get("parameters", {}),
        outputs=row.outputs.get("parameters", {}),
        input_artifacts=_artifacts(row.inputs, artifacts, by_id),
        output_artifacts=_artifacts(row.outputs, artifacts, by_id),
        history=history_of(row.state_history),
        has_log=row.kind == models.TaskKind.CONTAINER,
    )


def _ancestor(row: models.Task, by_id: Mapping[str, models.Task]) -> str:
    """Id of the shown parent: a round hangs where its loop hangs."""
    parent = by_id.get(row.parent_id or "")
    if parent is not None and row.iteration is not None:
        return parent.parent_id or ""
    return row.parent_id or ""


def _rounds(row: models.Task, by_id: Mapping[str, models.Task]) -> str:
    """Numbers of the loops' rounds that the task is in, from the outside in: ``2.0``."""
    numbers: list[str] = []
    current: models.Task | None = row
    while current is not None:
        if current.iteration is not None:
            numbers.append(str(current.iteration))
        current = by_id.get(current.parent_id or "")
    return ".".join(reversed(numbers))


def _artifacts(
    side: Mapping[str, Any],
    artifacts: Mapping[str, models.Artifact],
    by_id: Mapping[str, models.Task],
) -> tuple[Artifact, ...]:
    found = []
    for name, ids in side.get("artifacts", {}).items():
        for artifact_id in ids:
            row = artifacts.get(artifact_id)
            if row is not None:
                task = by_id.get(row.task_id)
                found.append(artifact_of(row, name, task.display_name if task else ""))
    return tuple(found)


def artifact_of(row: models.Artifact, name: str, step: str) -> Artifact:
    return Artifact(
        id=row.id,
        name=name,
        schema=row.schema_title,
        uri=row.uri,
        metadata=row.meta,
        size=row.size,
        step=step,
    )


def history_of(entries: Sequence[Any] | None) -> tuple[StateChange, ...]:
    return tuple(
        StateChange(
            State.parse(entry.get("state")),
            _moment(entry.get("update_time")),
            str(entry.get("error") or ""),
        )
        for entry in entries or ()
    )


def _moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
