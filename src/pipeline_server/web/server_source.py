"""The page's source on a real server: its services, seen as the page's view models."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError

from pipeline_server.database import models
from pipeline_server.errors import AlreadyExistsError, NotFoundError, ServiceError
from pipeline_server.services import runs as run_service
from pipeline_server.services.collection import Services
from pipeline_server.services.listing import ListRequest
from pipeline_server.services.recurring_runs import NewRecurringRun
from pipeline_server.web import rows
from pipeline_server.web.source import PageError
from pipeline_server.web.view_models import (
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
            tuple(rows.summary_of(run, names) for run in found.items), found.next_token, found.total
        )

    @explained
    def get_run(self, run_id: str) -> RunDetail:
        """A run with its spec and its steps."""
        run = self._services.runs.get(run_id)
        artifacts = self._services.runs.task_artifacts(run_id)
        summary = rows.summary_of(run, self._services.runs.names([run]))
        return RunDetail(
            summary=summary,
            description=run.description,
            parameters=run.runtime_config.get("parameters", {}),
            spec=run.document.content,
            tasks=rows.tasks_of(run.tasks, artifacts),
            pipeline_root=run.runtime_config.get("pipeline_root", ""),
            service_account=run.service_account,
            history=rows.history_of(run.state_history),
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
        return rows.artifact_of(row, row.name, task.display_name if task else "")

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
        """Stop a run; one that is stopping already, as after a second click, goes on doing so."""
        if self._services.runs.get(run_id).state != models.RunState.CANCELING:
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
        return Page(
            tuple(rows.pipeline_of(row) for row in found.items), found.next_token, found.total
        )

    @explained
    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """One pipeline."""
        return rows.pipeline_of(self._services.pipelines.get(pipeline_id))

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
        return Page(
            tuple(rows.version_of(row) for row in found.items), found.next_token, found.total
        )

    @explained
    def get_version(self, pipeline_id: str, version_id: str) -> PipelineVersion:
        """One version with its IR."""
        return rows.version_of(self._services.pipelines.get_version(pipeline_id, version_id))

    @explained
    def upload_pipeline(
        self, name: str, description: str, filename: str, content: bytes
    ) -> PipelineVersion:
        """Check and keep a package as a new pipeline."""
        _, version = self._services.pipelines.upload(
            content, filename, name=name, description=description
        )
        return rows.version_of(version)

    @explained
    def upload_version(
        self, pipeline_id: str, name: str, description: str, filename: str, content: bytes
    ) -> PipelineVersion:
        """Check and keep a package as a new version."""
        return rows.version_of(
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
        return Page(
            tuple(rows.experiment_of(row) for row in found.items), found.next_token, found.total
        )

    @explained
    def get_experiment(self, experiment_id: str) -> Experiment:
        """One experiment."""
        return rows.experiment_of(self._services.experiments.get(experiment_id))

    @explained
    def create_experiment(self, name: str, description: str) -> Experiment:
        """Make an experiment."""
        return rows.experiment_of(self._services.experiments.create(name, description))

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
            tuple(rows.recurring_run_of(row, names) for row in found.items),
            found.next_token,
            found.total,
        )

    @explained
    def get_recurring_run(self, recurring_run_id: str) -> RecurringRun:
        """One recurring run."""
        row = self._services.recurring_runs.get(recurring_run_id)
        return rows.recurring_run_of(row, self._pipeline_names([row.pipeline_id]))

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
