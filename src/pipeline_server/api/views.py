"""Rows as the API shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pipeline_server.api.contract import CONTRACT
from pipeline_server.database.models import (
    Artifact,
    Experiment,
    Pipeline,
    PipelineVersion,
    RecurringRun,
    Run,
    RunState,
    Task,
)
from pipeline_server.settings import Settings

Json = dict[str, Any]

FAILED_CODE = 9
CANCELED_CODE = 1


def time_text(moment: datetime | None) -> str | None:
    """RFC 3339 as protobuf writes it: a fraction of three digits, or none."""
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return text.replace(".000Z", "Z")


def without_none(content: Mapping[str, Any]) -> Json:
    """Fields that are set."""
    return {key: value for key, value in content.items() if value is not None}


def error(message: str, state: str = RunState.FAILED) -> Json | None:
    """A status message."""
    if not message:
        return None
    code = CANCELED_CODE if state in {RunState.CANCELED, RunState.CANCELING} else FAILED_CODE
    return {"code": code, "message": message}


def spec(document: Mapping[str, Any]) -> Json:
    """An IR: bare, or with its platforms where it has any."""
    if document.get("platform_spec"):
        return dict(document)
    return dict(document["pipeline_spec"])


def experiment(row: Experiment, settings: Settings) -> Json:
    """An experiment."""
    return CONTRACT.write(
        "Experiment",
        {
            "experiment_id": row.id,
            "display_name": row.name,
            "description": row.description or None,
            "namespace": settings.namespace,
            "storage_state": row.storage_state,
            "created_at": time_text(row.created_at),
            "last_run_created_at": time_text(row.last_run_created_at),
        },
    )


def pipeline(row: Pipeline, settings: Settings) -> Json:
    """A pipeline."""
    return CONTRACT.write(
        "Pipeline",
        {
            "pipeline_id": row.id,
            "name": row.name,
            "display_name": row.display_name,
            "description": row.description or None,
            "namespace": settings.namespace,
            "created_at": time_text(row.created_at),
            "tags": row.tags or None,
        },
    )


def pipeline_version(row: PipelineVersion) -> Json:
    """A pipeline version."""
    return CONTRACT.write(
        "PipelineVersion",
        {
            "pipeline_id": row.pipeline_id,
            "pipeline_version_id": row.id,
            "name": row.name,
            "display_name": row.display_name,
            "description": row.description or None,
            "created_at": time_text(row.created_at),
            "code_source_url": row.code_source_url or None,
            "pipeline_spec": spec(row.document.content),
            "tags": row.tags or None,
        },
    )


def _history(entries: Iterable[Mapping[str, Any]]) -> list[Json]:
    return [
        without_none(
            {
                "update_time": time_text(datetime.fromisoformat(entry["update_time"])),
                "state": entry["state"],
                "error": error(entry.get("error", ""), entry["state"]),
            }
        )
        for entry in entries
    ]


def _reference(pipeline_id: str | None, version_id: str | None) -> Json | None:
    if not pipeline_id:
        return None
    return without_none({"pipeline_id": pipeline_id, "pipeline_version_id": version_id})


def _runtime_config(config: Mapping[str, Any]) -> Json | None:
    found = {key: value for key, value in config.items() if value}
    return found or None


def run(row: Run, settings: Settings, *, tasks: bool = False) -> Json:
    """A run; with its tasks where they are loaded."""
    details = {"task_details": task_details(row.tasks)} if tasks else None
    return CONTRACT.write(
        "Run",
        {
            "experiment_id": row.experiment_id,
            "run_id": row.id,
            "display_name": row.display_name,
            "storage_state": row.storage_state,
            "description": row.description or None,
            "pipeline_spec": spec(row.document.content) if row.inline_spec else None,
            "pipeline_version_reference": _reference(row.pipeline_id, row.pipeline_version_id),
            "runtime_config": _runtime_config(row.runtime_config),
            "service_account": row.service_account or settings.service_account,
            "created_at": time_text(row.created_at),
            "scheduled_at": time_text(row.scheduled_at),
            "finished_at": time_text(row.finished_at),
            "state": row.state,
            "error": error(row.error, row.state),
            "recurring_run_id": row.recurring_run_id,
            "state_history": _history(row.state_history),
            "run_details": details,
        },
    )


def task_details(tasks: Iterable[Task]) -> list[Json]:
    """The tasks of a run, as upstream's message has them."""
    rows = list(tasks)
    children: dict[str, list[Json]] = {}
    for row in rows:
        if row.parent_id:
            children.setdefault(row.parent_id, []).append({"task_id": row.id})
    return [_task(row, children.get(row.id, [])) for row in rows]


def _task(row: Task, children: list[Json]) -> Json:
    """A task. Its artifacts are not there: upstream's are numbered, ours are not."""
    return {
        "run_id": row.run_id,
        "task_id": row.id,
        "display_name": row.display_name,
        "create_time": time_text(row.created_at),
        "start_time": time_text(row.started_at),
        "end_time": time_text(row.finished_at),
        "state": row.state,
        "error": error(row.error, row.state),
        "executor_detail": {"main_job": row.pod_name} if row.pod_name else None,
        "pod_name": row.pod_name,
        "parent_task_id": row.parent_id,
        "state_history": _history(row.state_history),
        "child_tasks": children,
    }


def _artifact_lists(side: Mapping[str, Any]) -> Json | None:
    return dict(side.get("artifacts", {})) or None


def full_task(row: Task) -> Json:
    """A task with all that the server knows of it, for which upstream's message has no room."""
    return without_none(
        {
            **CONTRACT.write("PipelineTaskDetail", _task(row, [])),
            "name": row.name,
            "kind": row.kind,
            "iteration_index": row.iteration,
            "input_artifacts": _artifact_lists(row.inputs),
            "output_artifacts": _artifact_lists(row.outputs),
            "input_parameters": row.inputs.get("parameters") or None,
            "output_parameters": row.outputs.get("parameters") or None,
            "attempts": row.attempt_count or None,
            "cached_from_task_id": row.cached_from_id,
            "skip_reason": row.skip_reason or None,
            "note": row.note or None,
        }
    )


def artifact(row: Artifact) -> Json:
    """An artifact."""
    return without_none(
        {
            "artifact_id": row.id,
            "name": row.name,
            "run_id": row.run_id,
            "task_id": row.task_id,
            "artifact_type": row.schema_title,
            "uri": row.uri,
            "artifact_size": str(row.size) if row.size is not None else None,
            "metadata": row.meta or None,
            "created_at": time_text(row.created_at),
        }
    )


def recurring_run(row: RecurringRun, settings: Settings) -> Json:
    """A recurring run."""
    times = {"start_time": time_text(row.start_at), "end_time": time_text(row.end_at)}
    trigger: Json = {}
    if row.cron:
        trigger = {"cron_schedule": without_none({"cron": row.cron, **times})}
    elif row.interval_seconds:
        period = {"interval_second": str(row.interval_seconds), **times}
        trigger = {"periodic_schedule": without_none(period)}
    return CONTRACT.write(
        "RecurringRun",
        {
            "recurring_run_id": row.id,
            "display_name": row.display_name,
            "description": row.description or None,
            "experiment_id": row.experiment_id,
            "namespace": settings.namespace,
            "pipeline_version_reference": _reference(row.pipeline_id, row.pipeline_version_id),
            "pipeline_spec": spec(row.document.content) if row.document else None,
            "runtime_config": _runtime_config(row.runtime_config),
            "service_account": row.service_account or settings.service_account,
            "max_concurrency": str(row.max_concurrency),
            "no_catchup": row.no_catchup,
            "trigger": trigger,
            "mode": "ENABLE" if row.enabled else "DISABLE",
            "status": "ENABLED" if row.enabled else "DISABLED",
            "created_at": time_text(row.created_at),
            "updated_at": time_text(row.updated_at),
            "error": error(row.error),
        },
    )
