"""A pipeline server in memory: small, but it keeps what it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

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
    State,
)

# Two hours and a bit ago, so that what “goes on” has been going on for a minute and a half.
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2, seconds=90)


class MemorySource:
    """Implements ``PageSource``; ``calls`` records every action in order."""

    def __init__(self) -> None:
        self.runs: dict[str, RunDetail] = {}
        self.logs: dict[str, str] = {}
        self.growing: set[str] = set()
        self.files: dict[str, tuple[Artifact, ...]] = {}
        self.contents: dict[str, bytes] = {}
        self.pipelines: dict[str, Pipeline] = {}
        self.versions: dict[str, list[PipelineVersion]] = {}
        self.experiments: dict[str, Experiment] = {}
        self.recurring: dict[str, RecurringRun] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.store_down = False
        self.refusal: PageError | None = None

    def _act(self, *call: Any) -> None:
        self.calls.append(call)
        if self.refusal:
            raise self.refusal

    def add(self, run: RunDetail) -> RunDetail:
        self.runs[run.summary.id] = run
        return run

    def set_state(self, run_id: str, state: State) -> None:
        run = self.get_run(run_id)
        finished = START + timedelta(minutes=4) if state.finished else None
        self.add(replace(run, summary=replace(run.summary, state=state, finished_at=finished)))

    def list_runs(self, wanted: RunFilter, token: str, size: int) -> Page[RunSummary]:
        found = [run.summary for run in self.runs.values() if _matches(run.summary, wanted)]
        key, direction = wanted.sort.split()
        found.sort(key=lambda run: str(getattr(run, key)), reverse=direction == "desc")
        return _page(found, token, size)

    def get_run(self, run_id: str) -> RunDetail:
        if run_id not in self.runs:
            raise PageError(404, f"There is no run {run_id}.")
        return self.runs[run_id]

    def read_log(self, run_id: str, task_id: str, offset: int) -> LogChunk:
        self.get_run(run_id)
        text = self.logs.get(task_id, "").encode()
        part = text[offset : offset + 65536]
        reached = offset + len(part)
        complete = reached == len(text) and task_id not in self.growing
        return LogChunk(part.decode(), reached, complete)

    def list_files(self, run_id: str) -> tuple[Artifact, ...]:
        if self.store_down:
            raise PageError(503, "The object store does not answer.")
        return self.files.get(run_id, ())

    def get_artifact(self, run_id: str, artifact_id: str) -> Artifact:
        run = self.get_run(run_id)
        found = [a for task in run.tasks for a in task.output_artifacts] + list(
            self.list_files(run_id)
        )
        for artifact in found:
            if artifact.id == artifact_id:
                return artifact
        raise PageError(404, f"This run has no artifact {artifact_id}.")

    def open_artifact(self, run_id: str, artifact_id: str) -> ArtifactContent:
        artifact = self.get_artifact(run_id, artifact_id)
        if artifact_id not in self.contents:
            raise PageError(404, f"The object store has no {artifact.uri}.")
        content = self.contents[artifact_id]
        return ArtifactContent(artifact.name, iter([content]), len(content))

    def create_run(self, wanted: NewRun) -> str:
        self._act("create_run", wanted)
        if wanted.schedule:
            item = RecurringRun("rr-new", wanted.name, True, wanted.schedule.cron)
            self.recurring[item.id] = item
            return item.id
        number = f"run-{len(self.runs) + 1}"
        version = (
            self.get_version(wanted.pipeline_id, wanted.version_id) if not wanted.spec else None
        )
        spec = version.spec if version else wanted.spec
        summary = RunSummary(number, wanted.name, State.PENDING, START)
        self.add(RunDetail(summary, parameters=wanted.parameters, spec=spec))
        return number

    def terminate_run(self, run_id: str) -> None:
        self._act("terminate_run", run_id)
        self.set_state(run_id, State.CANCELED)

    def retry_run(self, run_id: str) -> None:
        self._act("retry_run", run_id)
        self.set_state(run_id, State.RUNNING)

    def archive_run(self, run_id: str) -> None:
        self._act("archive_run", run_id)
        run = self.get_run(run_id)
        self.add(replace(run, summary=replace(run.summary, archived=True)))

    def unarchive_run(self, run_id: str) -> None:
        self._act("unarchive_run", run_id)
        run = self.get_run(run_id)
        self.add(replace(run, summary=replace(run.summary, archived=False)))

    def delete_run(self, run_id: str) -> None:
        self._act("delete_run", run_id)
        del self.runs[run_id]

    def list_pipelines(self, text: str, token: str, size: int) -> Page[Pipeline]:
        return _page([p for p in self.pipelines.values() if text in p.name], token, size)

    def get_pipeline(self, pipeline_id: str) -> Pipeline:
        if pipeline_id not in self.pipelines:
            raise PageError(404, f"There is no pipeline {pipeline_id}.")
        return self.pipelines[pipeline_id]

    def delete_pipeline(self, pipeline_id: str) -> None:
        self._act("delete_pipeline", pipeline_id)
        del self.pipelines[pipeline_id]

    def list_versions(self, pipeline_id: str, token: str, size: int) -> Page[PipelineVersion]:
        return _page(self.versions.get(pipeline_id, []), token, size)

    def get_version(self, pipeline_id: str, version_id: str) -> PipelineVersion:
        for version in self.versions.get(pipeline_id, []):
            if version_id in ("", version.id):
                return version
        raise PageError(404, f"There is no version {version_id}.")

    def upload_pipeline(
        self, name: str, description: str, filename: str, content: bytes
    ) -> PipelineVersion:
        self._act("upload_pipeline", name, description, filename, len(content))
        pipeline = Pipeline(f"p-{len(self.pipelines) + 1}", name, description, START)
        version = PipelineVersion(f"v-{pipeline.id}", pipeline.id, name)
        self.pipelines[pipeline.id] = pipeline
        self.versions[pipeline.id] = [version]
        return version

    def upload_version(
        self, pipeline_id: str, name: str, description: str, filename: str, content: bytes
    ) -> PipelineVersion:
        self._act("upload_version", pipeline_id, name, description, filename, len(content))
        version = PipelineVersion(f"v-{name}", pipeline_id, name)
        self.versions[pipeline_id].insert(0, version)
        return version

    def list_experiments(self, archived: bool, token: str, size: int) -> Page[Experiment]:
        return _page([e for e in self.experiments.values() if e.archived is archived], token, size)

    def get_experiment(self, experiment_id: str) -> Experiment:
        return self.experiments[experiment_id]

    def create_experiment(self, name: str, description: str) -> Experiment:
        self._act("create_experiment", name, description)
        made = Experiment(f"e-{name}", name, description, START)
        self.experiments[made.id] = made
        return made

    def archive_experiment(self, experiment_id: str) -> None:
        self._act("archive_experiment", experiment_id)

    def unarchive_experiment(self, experiment_id: str) -> None:
        self._act("unarchive_experiment", experiment_id)

    def delete_experiment(self, experiment_id: str) -> None:
        self._act("delete_experiment", experiment_id)

    def list_recurring_runs(self, token: str, size: int) -> Page[RecurringRun]:
        return _page(list(self.recurring.values()), token, size)

    def get_recurring_run(self, recurring_run_id: str) -> RecurringRun:
        return self.recurring[recurring_run_id]

    def enable_recurring_run(self, recurring_run_id: str) -> None:
        self._switch(recurring_run_id, True)

    def disable_recurring_run(self, recurring_run_id: str) -> None:
        self._switch(recurring_run_id, False)

    def delete_recurring_run(self, recurring_run_id: str) -> None:
        self._act("delete_recurring_run", recurring_run_id)
        del self.recurring[recurring_run_id]

    def _switch(self, item: str, enabled: bool) -> None:
        self._act("enable" if enabled else "disable", item)
        self.recurring[item] = replace(self.recurring[item], enabled=enabled)


def _matches(run: RunSummary, wanted: RunFilter) -> bool:
    return (
        run.archived is wanted.archived
        and wanted.text.lower() in run.name.lower()
        and wanted.state in (None, run.state)
        and wanted.experiment_id in ("", run.experiment_id)
        and wanted.pipeline_id in ("", run.pipeline_id)
        and wanted.recurring_run_id in ("", run.recurring_run_id)
    )


def _page(items: Iterable[Any], token: str, size: int) -> Page[Any]:
    every = list(items)
    start = int(token or 0)
    further = str(start + size) if start + size < len(every) else ""
    return Page(tuple(every[start : start + size]), further, len(every))
