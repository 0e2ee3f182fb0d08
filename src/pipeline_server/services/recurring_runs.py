"""Recurring runs: schedules that start runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session, selectinload

from pipeline_server.database.connection import Database
from pipeline_server.database.models import Pipeline, RecurringRun, Run, now
from pipeline_server.errors import InvalidArgumentError, NotFoundError
from pipeline_server.ir.errors import PipelineError
from pipeline_server.services import checks, experiments, runs, schedules
from pipeline_server.services.documents import PipelineCache
from pipeline_server.services.experiments import ExperimentService
from pipeline_server.services.listing import Listing, ListRequest, Page
from pipeline_server.services.permissions import Permissions

MAXIMUM_CONCURRENCY = 10

LISTING = Listing(
    RecurringRun,
    {
        "recurring_run_id": RecurringRun.id,
        "id": RecurringRun.id,
        "display_name": RecurringRun.display_name,
        "name": RecurringRun.display_name,
        "description": RecurringRun.description,
        "created_at": RecurringRun.created_at,
        "updated_at": RecurringRun.updated_at,
        "experiment_id": RecurringRun.experiment_id,
        "pipeline_id": RecurringRun.pipeline_id,
        "pipeline_version_id": RecurringRun.pipeline_version_id,
        "pipeline_name": sa.select(Pipeline.name)
        .where(Pipeline.id == RecurringRun.pipeline_id)
        .correlate(RecurringRun)
        .scalar_subquery(),
    },
    RecurringRun.id,
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a recurring run starts its runs: by a cron of six fields, or a period.

    Without ``cron`` and ``interval_seconds`` it runs once, at its creation.
    """

    cron: str = ""
    interval_seconds: int | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    max_concurrency: int = 1
    no_catchup: bool = False


@dataclass(frozen=True, slots=True)
class NewRecurringRun:
    """A recurring run to make: what to run as in ``NewRun``, and when."""

    run: runs.NewRun
    schedule: Schedule
    enabled: bool = True


class RecurringRunService:
    """Asks and changes recurring runs."""

    def __init__(
        self,
        database: Database,
        pipeline_cache: PipelineCache,
        experiment_service: ExperimentService,
        permissions: Permissions,
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._pipelines = pipeline_cache
        self._experiments = experiment_service
        self._permissions = permissions
        self._wake = wake

    def list(self, request: ListRequest, *, experiment_id: str = "") -> Page[RecurringRun]:
        """Recurring runs, with their documents; NotFoundError for an unknown experiment."""
        with self._database.session() as session:
            if experiment_id and not request.page_token:
                experiments.find(session, experiment_id)
            options = [selectinload(RecurringRun.document)]
            return LISTING.page(session, request, {"experiment_id": experiment_id}, options)

    def get(self, recurring_run_id: str) -> RecurringRun:
        """One recurring run with its document."""
        with self._database.session() as session:
            row = find(session, recurring_run_id)
            session.refresh(row, ["document"])
            return row

    def create(self, wanted: NewRecurringRun) -> RecurringRun:
        """Check and store a recurring run."""
        cron = _check_schedule(wanted.schedule)
        experiment_id = wanted.run.experiment_id or self._experiments.default().id

        def work(session: Session) -> str:
            template = runs.build_run(
                session, self._pipelines, wanted.run, experiment_id, self._permissions
            )
            row = RecurringRun(
                display_name=template.display_name,
                description=template.description,
                experiment_id=experiment_id,
                pipeline_id=template.pipeline_id,
                pipeline_version_id=wanted.run.pipeline_version_id or None,
                document_digest=template.document_digest if template.inline_spec else None,
                runtime_config=checks.runtime_config(wanted.run.runtime_config),
                service_account=template.service_account,
                enabled=wanted.enabled,
                created_at=now(),
                **{**asdict(wanted.schedule), "cron": cron},
            )
            if row.enabled:
                row.next_tick_at = due(row)
            session.add(row)
            session.flush()
            return row.id

        created = self._database.retrying(work)
        self._wake()
        return self.get(created)

    def enable(self, recurring_run_id: str) -> None:
        """Let it start runs; missed ones are caught up unless it was told not to."""
        with self._database.session() as session:
            row = find(session, recurring_run_id)
            if not row.enabled:
                row.enabled = True
                row.error = ""
                row.next_tick_at = due(row)
        self._wake()

    def disable(self, recurring_run_id: str) -> None:
        """Stop it from starting runs; running ones go on."""
        with self._database.session() as session:
            row = find(session, recurring_run_id)
            row.enabled = False
            row.next_tick_at = None

    def delete(self, recurring_run_id: str) -> None:
        """Delete it; the runs that it started stay."""
        with self._database.session() as session:
            session.execute(
                sa.update(Run)
                .where(Run.recurring_run_id == recurring_run_id)
                .values(recurring_run_id=None, tick_at=None)
            )
            session.delete(find(session, recurring_run_id))


def find(session: Session, recurring_run_id: str) -> RecurringRun:
    """The recurring run, or NotFoundError."""
    row = session.get(RecurringRun, recurring_run_id)
    if row is None:
        raise NotFoundError(f"there is no recurring run {recurring_run_id!r}")
    return row


def schedule_of(row: RecurringRun) -> dict[str, Any]:
    """What ``schedules.next_tick`` needs of it."""
    return {
        "cron": row.cron,
        "interval_seconds": row.interval_seconds,
        "start_at": row.start_at,
        "end_at": row.end_at,
        "created_at": row.created_at,
    }


def due(row: RecurringRun) -> datetime | None:
    """When its next run is due."""
    return schedules.next_tick(last_tick_at=row.last_tick_at, **schedule_of(row))


def _check_schedule(wanted: Schedule) -> str:
    """Refuse what no calendar could follow; return the cron in its six fields."""
    if wanted.cron and wanted.interval_seconds is not None:
        raise InvalidArgumentError("a trigger has a cron_schedule or a periodic_schedule, not both")
    if not 1 <= wanted.max_concurrency <= MAXIMUM_CONCURRENCY:
        raise InvalidArgumentError(
            f"max_concurrency {wanted.max_concurrency} must be 1 to {MAXIMUM_CONCURRENCY}"
        )
    if wanted.start_at and wanted.end_at and wanted.end_at <= wanted.start_at:
        raise InvalidArgumentError("the trigger's end_time must lie after its start_time")
    try:
        schedules.check_moment(wanted.start_at, "the trigger's start_time")
        schedules.check_moment(wanted.end_at, "the trigger's end_time")
        if wanted.interval_seconds is not None:
            what = f"interval_second {wanted.interval_seconds}"
            schedules.check_interval(wanted.interval_seconds, what)
        return schedules.read_cron(wanted.cron) if wanted.cron else ""
    except PipelineError as error:
        raise InvalidArgumentError(str(error)) from None
