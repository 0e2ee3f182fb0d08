"""Runs: asking, starting, stopping, running again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from pipeline_server.database import history
from pipeline_server.database.connection import Database
from pipeline_server.database.models import (
    FINISHED,
    Artifact,
    Attempt,
    Experiment,
    Pipeline,
    PipelineVersion,
    RecurringRun,
    Run,
    RunState,
    StorageState,
    Task,
    now,
)
from pipeline_server.database.types import LongText
from pipeline_server.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
)
from pipeline_server.ir.errors import PipelineError
from pipeline_server.services import checks, documents, experiments, pipelines, retry
from pipeline_server.services.documents import PipelineCache
from pipeline_server.services.listing import Listing, ListRequest, Page
from pipeline_server.services.permissions import Permissions

LISTING = Listing(
    Run,
    {
        "run_id": Run.id,
        "id": Run.id,
        "display_name": Run.display_name,
        "name": Run.display_name,
        "description": Run.description,
        "created_at": Run.created_at,
        "scheduled_at": Run.scheduled_at,
        "finished_at": Run.finished_at,
        "state": Run.state,
        "status": Run.state,
        "storage_state": Run.storage_state,
        "experiment_id": Run.experiment_id,
        "pipeline_id": Run.pipeline_id,
        "pipeline_version_id": Run.pipeline_version_id,
        "recurring_run_id": Run.recurring_run_id,
        "service_account": Run.service_account,
        # As upstream, which looks into the texts that it keeps of them; of a run's own manifest
        # it keeps none in v2.
        "state_history": sa.type_coerce(Run.state_history, LongText),
        "runtime_details": sa.literal(""),
    },
    Run.id,
)


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to start: of an inline ``spec``, or of a stored version."""

    display_name: str = ""
    description: str = ""
    experiment_id: str = ""
    pipeline_id: str = ""
    pipeline_version_id: str = ""
    spec: Any = None
    runtime_config: Any = None
    service_account: str = ""
    request_key: str = ""
    recurring_run_id: str = ""
    tick_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunNames:
    """Names of what a page of runs refers to, by id."""

    experiments: dict[str, str] = field(default_factory=dict)
    pipelines: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)


class RunService:
    """Asks and changes runs. ``wake`` tells the engine that there is something to do."""

    def __init__(
        self,
        database: Database,
        pipeline_cache: PipelineCache,
        experiment_service: experiments.ExperimentService,
        permissions: Permissions,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._pipelines = pipeline_cache
        self._experiments = experiment_service
        self._permissions = permissions
        self._wake = wake

    def list(
        self,
        request: ListRequest,
        *,
        experiment_id: str = "",
        storage_state: str | None = None,
        with_documents: bool = False,
    ) -> Page[Run]:
        """Runs; of an experiment and of a storage state where they are given.

        Raises:
            NotFoundError: there is no such experiment.
        """
        scope = {"experiment_id": experiment_id, "storage_state": storage_state or ""}
        options = [selectinload(Run.document)] if with_documents else []
        with self._database.session() as session:
            if experiment_id and not request.page_token:
                experiments.find(session, experiment_id)
            return LISTING.page(session, request, scope, options)

    def names(self, runs: Sequence[Run | RecurringRun]) -> RunNames:
        """Names of what runs or recurring runs refer to, in three queries."""

        def look_up(session: Session, model: Any, column: Any, ids: set[str]) -> dict[str, str]:
            statement = sa.select(model.id, column).where(model.id.in_(ids))
            return {row[0]: row[1] for row in session.execute(statement)} if ids else {}

        with self._database.session() as session:
            return RunNames(
                experiments=look_up(
                    session, Experiment, Experiment.name, {run.experiment_id for run in runs}
                ),
                pipelines=look_up(
                    session,
                    Pipeline,
                    Pipeline.display_name,
                    {run.pipeline_id for run in runs if run.pipeline_id},
                ),
                versions=look_up(
                    session,
                    PipelineVersion,
                    PipelineVersion.display_name,
                    {run.pipeline_version_id for run in runs if run.pipeline_version_id},
                ),
            )

    def get(self, run_id: str) -> Run:
        """A run with its ``document`` and its ``tasks``, oldest first."""
        with self._database.session() as session:
            return find(session, run_id, full=True)

    def get_task(self, run_id: str, task_id: str) -> Task:
        """One task of a run."""
        with self._database.session() as session:
            return find_task(session, run_id, task_id)

    def attempts(self, run_id: str, task_id: str) -> Sequence[Attempt]:
        """The pods a step was given, first to last."""
        with self._database.session() as session:
            find_task(session, run_id, task_id)
            statement = sa.select(Attempt).where(Attempt.task_id == task_id)
            return list(session.scalars(statement.order_by(Attempt.number)))

    def task_artifacts(self, run_id: str) -> dict[str, Artifact]:
        """Every artifact that a task of the run read or wrote, by id."""
        with self._database.session() as session:
            wanted = artifact_ids(session, run_id)
            if not wanted:
                return {}
            rows = session.scalars(sa.select(Artifact).where(Artifact.id.in_(wanted)))
            return {row.id: row for row in rows}

    def create(self, wanted: NewRun) -> Run:
        """Check and store a run; the engine starts it. The same request key gives the same run."""
        if wanted.request_key and (known := self._by_request_key(wanted.request_key)):
            return known
        experiment_id = wanted.experiment_id or self._experiments.default().id
        try:
            run = self._database.retrying(lambda session: self._add(session, wanted, experiment_id))
        except IntegrityError:
            known = self._by_request_key(wanted.request_key)
            if known is None:
                raise
            return known
        self._wake()
        return self.get(run.id)

    def _by_request_key(self, key: str) -> Run | None:
        with self._database.session() as session:
            run_id = session.scalar(sa.select(Run.id).where(Run.request_key == key))
        return self.get(run_id) if run_id else None

    def _add(self, session: Session, wanted: NewRun, experiment_id: str) -> Run:
        run = build_run(session, self._pipelines, wanted, experiment_id, self._permissions)
        session.add(run)
        session.flush()
        return run

    def terminate(self, run_id: str) -> None:
        """Ask a run to stop.

        One that is stopping or has ended is refused and stays as it is, as upstream does
        (``TerminateRun`` in ``backend/src/apiserver/storage/run_store.go``).
        """

        def work(session: Session) -> None:
            run = find(session, run_id, lock=True)
            if run.state in FINISHED or run.state == RunState.CANCELING:
                raise InvalidArgumentError(
                    f"run {run_id!r} is {run.state}: only a run that is going on can be terminated"
                )
            run.cancel_requested_at = now()
            history.set_run_state(run, RunState.CANCELING)
            run.wake_at = now()

        self._database.retrying(work)
        self._wake()

    def retry(self, run_id: str) -> None:
        """Run again what failed or was stopped, and what came after it; the rest stays."""

        def work(session: Session) -> None:
            run = find(session, run_id, full=True, lock=True)
            if run.state not in {RunState.FAILED, RunState.CANCELED}:
                raise FailedPreconditionError(
                    f"only a failed or canceled run can be retried; this one is {run.state}"
                )
            pipeline = self._pipelines.get(run.document_digest, run.document.content)
            retry.reset(session, run, pipeline)

        self._database.retrying(work)
        self._wake()

    def archive(self, run_id: str) -> None:
        """Move a run to the archive."""
        with self._database.session() as session:
            find(session, run_id).storage_state = StorageState.ARCHIVED

    def unarchive(self, run_id: str) -> None:
        """Take a run out of the archive; its experiment must not lie there."""
        with self._database.session() as session:
            run = find(session, run_id)
            experiment = session.get(Experiment, run.experiment_id)
            if experiment is not None and experiment.storage_state == StorageState.ARCHIVED:
                raise FailedPreconditionError(
                    f"experiment {experiment.name!r} is archived; unarchive it first"
                )
            run.storage_state = StorageState.AVAILABLE

    def delete(self, run_id: str) -> None:
        """Delete a run with its tasks; its pods go when the engine misses their run."""
        with self._database.session() as session:
            session.delete(find(session, run_id, lock=True))
        self._wake()


def build_run(
    session: Session,
    cache: PipelineCache,
    wanted: NewRun,
    experiment_id: str,
    permissions: Permissions | None = None,
) -> Run:
    """A run, checked and not yet added to the session.

    ``permissions`` says what its caller may use; without them it was said when it was scheduled.
    """
    experiment = experiments.find(session, experiment_id)
    if experiment.storage_state == StorageState.ARCHIVED:
        raise InvalidArgumentError(f"experiment {experiment.name!r} is archived")
    config = checks.runtime_config(wanted.runtime_config)
    pipeline_id: str | None = None
    version_id: str | None = None
    if wanted.spec is not None and (wanted.pipeline_id or wanted.pipeline_version_id):
        raise InvalidArgumentError(
            "a run is of a pipeline_spec or of a pipeline_version_reference, not of both"
        )
    if wanted.spec is not None:
        document, ir = documents.read_inline(wanted.spec)
        digest = documents.store(session, document)
    elif wanted.pipeline_id or wanted.pipeline_version_id:
        version = pipelines.find_version(session, wanted.pipeline_id, wanted.pipeline_version_id)
        pipeline_id, version_id = version.pipeline_id, version.id
        digest = version.document_digest
        ir = cache.get(digest, version.document.content)
    else:
        raise InvalidArgumentError("a run needs a pipeline_spec or a pipeline_version_reference")
    try:
        ir.check_runnable()
        parameters = ir.parameters(config["parameters"])
    except PipelineError as error:
        raise InvalidArgumentError(str(error)) from None
    account = checks.name(wanted.service_account, "service_account", required=False)
    if permissions is not None:
        permissions.check(ir, parameters, account)
    moment = now()
    run = Run(
        display_name=checks.name(wanted.display_name or ir.name, "display_name"),
        description=checks.text(wanted.description, "description"),
        experiment_id=experiment_id,
        pipeline_id=pipeline_id,
        pipeline_version_id=version_id,
        recurring_run_id=wanted.recurring_run_id or None,
        tick_at=wanted.tick_at,
        request_key=checks.name(wanted.request_key, "Idempotency-Key", required=False)[:128]
        or None,
        document_digest=digest,
        inline_spec=wanted.spec is not None,
        runtime_config=config,
        service_account=account,
        created_at=moment,
        scheduled_at=wanted.tick_at or moment,
        wake_at=moment,
    )
    history.set_run_state(run, RunState.PENDING)
    experiment.last_run_created_at = moment
    return run


def find(session: Session, run_id: str, *, full: bool = False, lock: bool = False) -> Run:
    """The run, or NotFoundError; ``full`` with document and tasks."""
    statement = sa.select(Run).where(Run.id == run_id)
    if lock:
        statement = statement.with_for_update(of=Run)
    run = session.scalar(statement)
    if run is None:
        raise NotFoundError(f"there is no run {run_id!r}")
    if full:
        session.refresh(run, ["document", "tasks"])
    return run


def find_task(session: Session, run_id: str, task_id: str) -> Task:
    """A task of a run, or NotFoundError."""
    task = session.get(Task, task_id)
    if task is None or task.run_id != run_id:
        raise NotFoundError(f"run {run_id!r} has no task {task_id!r}")
    return task


def artifact_ids(session: Session, run_id: str) -> set[str]:
    """Ids of all artifacts that the run's tasks read or wrote."""
    statement = sa.select(Task.inputs, Task.outputs).where(Task.run_id == run_id)
    return {
        artifact
        for row in session.execute(statement)
        for side in row
        for ids in side.get("artifacts", {}).values()
        for artifact in ids
    }
