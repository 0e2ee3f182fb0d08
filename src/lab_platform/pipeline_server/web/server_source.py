"""The page's source on a real server: its services, seen as the page's view models."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from ..database import models
from ..services import runs as run_service
from ..services.collection import Services
from ..services.errors import AlreadyExistsError, NotFoundError, ServiceError
from ..services.listing import ListRequest
from ..services.recurring_runs import NewRecurringRun
from .source import PageError
from .view_models import (
    Artifact,
    ArtifactContent,
    Experiment,
    LogChunk,
    NewRun,
    Page,
    Pipeline,
    PipelineVersion,
    RecurringRun,
    RunDetail,
    RunFilter,
    RunSummary,
    State,
    StateChange,
    TaskRun,
)

FILE = "file/"
NEWEST_FIRST = "created_at desc"
Method = TypeVar("Method", bound=Callable[..., Any])


def explained(method: Method) -> Method:
    """Turn what the services raise into what the page shows."""

    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return method(*arguments, **named)
        except AlreadyExistsError as error:
            raise PageError(int(error.status), _sentence(error.message), "name") from error
        except ServiceError as error:
            raise PageError(int(error.status), _sentence(error.message)) from error
        except (OperationalError, InterfaceError) as error:
            message = "The database does not answer. It may be starting; try again in a moment."
            raise PageError(503, message) from error

    return call  # type: ignore[return-value]


class ServerSource:
    """Implements ``PageSource``."""

    def __init__(self, services: Services) -> None:
        self._services = services

    # Runs

    @explained
    def list_runs(self, wanted: RunFilter, token: str, size: int) -> Page[RunSummary]:
        """Runs that match."""
        predicates = [
            _predicate("IS_SUBSTRING", "display_name", wanted.text),
            _predicate("EQUALS", "state", wanted.state.value if wanted.state else ""),
            _predicate("EQUALS", "pipeline_id", wanted.pipeline_id),
            _predicate("EQUALS", "recurring_run_id", wanted.recurring_run_id),
        ]
        archived = models.StorageState.ARCHIVED if wanted.archived else None
        found = self._services.runs.list(
            _request(token, size, wanted.sort, predicates),
            experiment_id=wanted.experiment_id,
            storage_state=archived or models.StorageState.AVAILABLE,
        )
        names = self._services.runs.names(found.items)
        return Page(
            tuple(_summary(run, names) for run in found.items), found.next_token, found.total
        )

    @explained
    def get_run(self, run_id: str) -> RunDetail:
        """A run with its spec and its steps."""
        run = self._services.runs.get(run_id)
        artifacts = self._services.runs.task_artifacts(run_id)
        summary = _summary(run, self._services.runs.names([run]))
        return RunDetail(
            summary=summary,
            description=run.description,
            parameters=run.runtime_config.get("parameters", {}),
            spec=run.document.content,
            tasks=_tasks(run.tasks, artifacts),
            pipeline_root=run.runtime_config.get("pipeline_root", ""),
            service_account=run.service_account,
            history=_history(run.state_history),
        )

    @explained
    def read_log(self, run_id: str, task_id: str, offset: int) -> LogChunk:
        """The step's log from an offset on."""
        part = self._services.logs.read(run_id, task_id, offset)
        return LogChunk(part.text, part.next_offset, part.complete, part.note)

    @explained
    def list_files(self, run_id: str) -> tuple[Artifact, ...]:
        """Files in the bucket that belong to the run though no step declared them."""
        return tuple(
            Artifact(
                id=FILE + item.key,
                name=item.key.rsplit("/", 1)[-1],
                uri=f"s3://{item.bucket}/{item.key}",
                size=item.size,
            )
            for item in self._services.artifacts.files(run_id)
        )

    @explained
    def get_artifact(self, run_id: str, artifact_id: str) -> Artifact:
        """An artifact that the run has, or one of its files."""
        if artifact_id.startswith(FILE):
            found = next((f for f in self.list_files(run_id) if f.id == artifact_id), None)
            if found is None:
                raise PageError(404, f"This run has no file {artifact_id.removeprefix(FILE)}.")
            return found
        row = self._services.artifacts.get(artifact_id, run_id)
        task = {task.id: task for task in self._services.runs.get(run_id).tasks}.get(row.task_id)
        return _artifact(row, row.name, task.display_name if task else "")

    @explained
    def open_artifact(self, run_id: str, artifact_id: str) -> ArtifactContent:
        """Its bytes."""
        if artifact_id.startswith(FILE):
            opened = self._services.artifacts.open_file(run_id, artifact_id.removeprefix(FILE))
        else:
            opened = self._services.artifacts.open(artifact_id, run_id)
        return ArtifactContent(opened.name, opened.chunks, opened.size)

    @explained
    def create_run(self, wanted: NewRun) -> str:
        """Start a run, or make a recurring one."""
        schedule = wanted.schedule
        run = run_service.NewRun(
            display_name=wanted.name,
            description=wanted.description,
            experiment_id=wanted.experiment_id,
            pipeline_id=wanted.pipeline_id,
            pipeline_version_id=wanted.version_id,
            spec=dict(wanted.spec) if wanted.spec else None,
            runtime_config={"parameters": dict(wanted.parameters)},
            request_key="" if schedule else wanted.request_key,
        )
        if schedule is None:
            return self._services.runs.create(run).id
        return self._services.recurring_runs.create(
            NewRecurringRun(
                run=run,
                cron=schedule.cron,
                interval_seconds=schedule.interval_seconds,
                start_at=schedule.start_at,
                end_at=schedule.end_at,
                max_concurrency=schedule.max_concurrency,
                no_catchup=not schedule.catch_up,
            )
        ).id

    @explained
    def terminate_run(self, run_id: str) -> None:
        """Stop a run."""
        self._services.runs.terminate(run_id)

    @explained
    def retry_run(self, run_id: str) -> None:
        """Run the failed part again."""
        self._services.runs.retry(run_id)

    @explained
    def archive_run(self, run_id: str) -> None:
        """Move a run to the archive."""
        self._services.runs.archive(run_id)

    @explained
    def unarchive_run(self, run_id: str) -> None:
        """Take a run out of the archive."""
        self._services.runs.unarchive(run_id)

    @explained
    def delete_run(self, run_id: str) -> None:
        """Delete a run for good."""
        self._services.runs.delete(run_id)

    # Pipelines

    @explained
    def list_pipelines(self, text: str, token: str, size: int) -> Page[Pipeline]:
        """Uploaded pipelines, newest first."""
        predicates = [_predicate("IS_SUBSTRING", "display_name", text)]
        found = self._services.pipelines.list(_request(token, size, NEWEST_FIRST, predicates))
        return Page(tuple(_pipeline(row) for row in found.items), found.next_token, found.total)

    @explained
    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """One pipeline."""
        return _pipeline(self._services.pipelines.get(pipeline_id))

    @explained
    def delete_pipeline(self, pipeline_id: str) -> None:
        """Delete a pipeline with its versions."""
        self._services.pipelines.delete(pipeline_id)

    @explained
    def list_versions(self, pipeline_id: str, token: str, size: int) -> Page[PipelineVersion]:
        """Versions of a pipeline, newest first."""
        found = self._services.pipelines.list_versions(
            pipeline_id, _request(token, size, NEWEST_FIRST)
        )
        return Page(tuple(_version(row) for row in found.items), found.next_token, found.total)

    @explained
    def get_version(self, pipeline_id: str, version_id: str) -> PipelineVersion:
        """One version with its IR."""
        return _version(self._services.pipelines.get_version(pipeline_id, version_id))

    @explained
    def upload_pipeline(
        self, name: str, description: str, filename: str, content: bytes
    ) -> PipelineVersion:
        """Check and keep a package as a new pipeline."""
        _, version = self._services.pipelines.upload(
            content, filename, name=name, description=description
        )
        return _version(version)

    @explained
    def upload_version(
        self, pipeline_id: str, name: str, description: str, filename: str, content: bytes
    ) -> PipelineVersion:
        """Check and keep a package as a new version."""
        return _version(
            self._services.pipelines.upload_version(
                pipeline_id, content, filename, name=name, description=description
            )
        )

    # Experiments

    @explained
    def list_experiments(self, archived: bool, token: str, size: int) -> Page[Experiment]:
        """Experiments, newest first."""
        state = models.StorageState.ARCHIVED if archived else models.StorageState.AVAILABLE
        found = self._services.experiments.list(
            _request(token, size, NEWEST_FIRST), storage_state=state
        )
        return Page(tuple(_experiment(row) for row in found.items), found.next_token, found.total)

    @explained
    def get_experiment(self, experiment_id: str) -> Experiment:
        """One experiment."""
        return _experiment(self._services.experiments.get(experiment_id))

    @explained
    def create_experiment(self, name: str, description: str) -> Experiment:
        """Make an experiment."""
        return _experiment(self._services.experiments.create(name, description))

    @explained
    def archive_experiment(self, experiment_id: str) -> None:
        """Archive an experiment and its runs."""
        self._services.experiments.archive(experiment_id)

    @explained
    def unarchive_experiment(self, experiment_id: str) -> None:
        """Take an experiment out of the archive."""
        self._services.experiments.unarchive(experiment_id)

    @explained
    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment."""
        self._services.experiments.delete(experiment_id)

    # Recurring runs

    @explained
    def list_recurring_runs(self, token: str, size: int) -> Page[RecurringRun]:
        """Recurring runs, newest first."""
        found = self._services.recurring_runs.list(_request(token, size, NEWEST_FIRST))
        names = self._pipeline_names(row.pipeline_id for row in found.items)
        return Page(
            tuple(_recurring_run(row, names) for row in found.items),
            found.next_token,
            found.total,
        )

    @explained
    def get_recurring_run(self, recurring_run_id: str) -> RecurringRun:
        """One recurring run."""
        row = self._services.recurring_runs.get(recurring_run_id)
        return _recurring_run(row, self._pipeline_names([row.pipeline_id]))

    @explained
    def enable_recurring_run(self, recurring_run_id: str) -> None:
        """Let it start runs."""
        self._services.recurring_runs.enable(recurring_run_id)

    @explained
    def disable_recurring_run(self, recurring_run_id: str) -> None:
        """Stop it from starting runs."""
        self._services.recurring_runs.disable(recurring_run_id)

    @explained
    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Delete it; the runs it made stay."""
        self._services.recurring_runs.delete(recurring_run_id)

    def _pipeline_names(self, ids: Iterable[str | None]) -> dict[str, str]:
        names: dict[str, str] = {}
        for pipeline_id in {known for known in ids if known}:
            try:
                names[pipeline_id] = self._services.pipelines.get(pipeline_id).display_name
            except NotFoundError:
                continue
        return names


def _sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _predicate(operation: str, key: str, value: str) -> dict[str, str] | None:
    return {"operation": operation, "key": key, "string_value": value} if value else None


def _request(
    token: str, size: int, sort: str, predicates: Sequence[dict[str, str] | None] = ()
) -> ListRequest:
    kept = [predicate for predicate in predicates if predicate]
    text = json.dumps({"predicates": kept}) if kept else ""
    return ListRequest(page_token=token, page_size=size, sort_by=sort, filter=text)


def _summary(run: models.Run, names: run_service.RunNames) -> RunSummary:
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


def _tasks(
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
        pod_name=row.pod_name,
        attempts=row.attempt_count,
        inputs=row.inputs.get("parameters", {}),
        outputs=row.outputs.get("parameters", {}),
        input_artifacts=_artifacts(row.inputs, artifacts, by_id),
        output_artifacts=_artifacts(row.outputs, artifacts, by_id),
        history=_history(row.state_history),
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
                found.append(_artifact(row, name, task.display_name if task else ""))
    return tuple(found)


def _artifact(row: models.Artifact, name: str, step: str) -> Artifact:
    return Artifact(
        id=row.id,
        name=name,
        schema=row.schema_title,
        uri=row.uri,
        metadata=row.meta,
        size=row.size,
        step=step,
    )


def _history(entries: Sequence[Any] | None) -> tuple[StateChange, ...]:
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


def _pipeline(row: models.Pipeline) -> Pipeline:
    return Pipeline(row.id, row.display_name, row.description, row.created_at)


def _version(row: models.PipelineVersion) -> PipelineVersion:
    return PipelineVersion(
        id=row.id,
        pipeline_id=row.pipeline_id,
        name=row.display_name,
        description=row.description,
        created_at=row.created_at,
        spec=row.document.content,
    )


def _experiment(row: models.Experiment) -> Experiment:
    return Experiment(
        id=row.id,
        name=row.name,
        description=row.description,
        created_at=row.created_at,
        last_run_at=row.last_run_created_at,
        archived=row.storage_state == models.StorageState.ARCHIVED,
    )


def _recurring_run(row: models.RecurringRun, names: Mapping[str, str]) -> RecurringRun:
    name = names.get(row.pipeline_id or "", "")
    return RecurringRun(
        id=row.id,
        name=row.display_name,
        enabled=row.enabled,
        cron=row.cron,
        interval_seconds=row.interval_seconds,
        start_at=row.start_at,
        end_at=row.end_at,
        max_concurrency=row.max_concurrency,
        catch_up=not row.no_catchup,
        created_at=row.created_at,
        next_run_at=row.next_tick_at,
        experiment_id=row.experiment_id,
        pipeline_id=row.pipeline_id or "" if name else "",
        pipeline_name=name,
        version_id=row.pipeline_version_id or "",
        parameters=row.runtime_config.get("parameters", {}),
        error=row.error,
    )
