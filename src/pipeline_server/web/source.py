"""What the page asks of the server it is part of.

Methods are plain and blocking; the page runs them in FastAPI's thread pool. A source raises
``PageError`` with an HTTP status and a message for people; it never returns half a value.
"""

from __future__ import annotations

from typing import Protocol

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


class PageError(Exception):
    """Something the person can act on, with the HTTP status it answers with."""

    def __init__(self, status: int, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.field = field


class PageSource(Protocol):
    """Reads and acts on one pipeline server."""

    def list_runs(self, wanted: RunFilter, token: str, size: int) -> Page[RunSummary]:
        """Runs that match, newest first unless the filter sorts otherwise."""
        ...

    def get_run(self, run_id: str) -> RunDetail:
        """A run with its spec and all its steps."""
        ...

    def read_log(self, run_id: str, task_id: str, offset: int) -> LogChunk:
        """The step's log from a byte offset on: of the living pod, or the kept copy."""
        ...

    def list_files(self, run_id: str) -> tuple[Artifact, ...]:
        """Files in the bucket that belong to the run though no step declared them."""
        ...

    def get_artifact(self, run_id: str, artifact_id: str) -> Artifact:
        """An artifact that this run has, or one of its files."""
        ...

    def open_artifact(self, run_id: str, artifact_id: str) -> ArtifactContent:
        """Its bytes; 404 when the store has no such object."""
        ...

    def create_run(self, wanted: NewRun) -> str:
        """Start a run, or make a recurring one when there is a schedule; returns its id."""
        ...

    def terminate_run(self, run_id: str) -> None:
        """Stop a run."""
        ...

    def retry_run(self, run_id: str) -> None:
        """Run the failed part again."""
        ...

    def archive_run(self, run_id: str) -> None:
        """Move a run to the archive."""
        ...

    def unarchive_run(self, run_id: str) -> None:
        """Take a run out of the archive."""
        ...

    def delete_run(self, run_id: str) -> None:
        """Delete a run for good."""
        ...

    def list_pipelines(self, text: str, token: str, size: int) -> Page[Pipeline]:
        """Uploaded pipelines."""
        ...

    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        """One pipeline."""
        ...

    def delete_pipeline(self, pipeline_id: str) -> None:
        """Delete a pipeline with its versions."""
        ...

    def list_versions(self, pipeline_id: str, token: str, size: int) -> Page[PipelineVersion]:
        """Versions of a pipeline, newest first."""
        ...

    def get_version(self, pipeline_id: str, version_id: str) -> PipelineVersion:
        """One version with its IR; the newest when the id is empty."""
        ...

    def upload_pipeline(
        self, name: str, description: str, filename: str, content: bytes
    ) -> PipelineVersion:
        """Check and keep a package (YAML, zip, tar.gz) as a new pipeline."""
        ...

    def upload_version(
        self, pipeline_id: str, name: str, description: str, filename: str, content: bytes
    ) -> PipelineVersion:
        """Check and keep a package as a new version."""
        ...

    def list_experiments(self, archived: bool, token: str, size: int) -> Page[Experiment]:
        """Experiments, newest first."""
        ...

    def get_experiment(self, experiment_id: str) -> Experiment:
        """One experiment."""
        ...

    def create_experiment(self, name: str, description: str) -> Experiment:
        """Make an experiment."""
        ...

    def archive_experiment(self, experiment_id: str) -> None:
        """Archive an experiment and its runs."""
        ...

    def unarchive_experiment(self, experiment_id: str) -> None:
        """Take an experiment out of the archive."""
        ...

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment."""
        ...

    def list_recurring_runs(self, token: str, size: int) -> Page[RecurringRun]:
        """Recurring runs, newest first."""
        ...

    def get_recurring_run(self, recurring_run_id: str) -> RecurringRun:
        """One recurring run."""
        ...

    def enable_recurring_run(self, recurring_run_id: str) -> None:
        """Let it start runs."""
        ...

    def disable_recurring_run(self, recurring_run_id: str) -> None:
        """Stop it from starting runs."""
        ...

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        """Delete it; the runs it made stay."""
        ...
