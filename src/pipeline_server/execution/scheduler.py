"""Starts the runs of recurring runs that are due."""

from __future__ import annotations

import logging
import time
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pipeline_server.database.connection import Database
from pipeline_server.database.models import ACTIVE, RecurringRun, Run, new_id, now
from pipeline_server.errors import ServiceError
from pipeline_server.execution import faults
from pipeline_server.ir.errors import PipelineError
from pipeline_server.services import recurring_runs, runs, schedules
from pipeline_server.services.documents import PipelineCache

logger = logging.getLogger(__name__)

PERIOD = 0.5
BATCH = 50


class Scheduler:
    """Looks at the schedules twice a second; every tick makes at most one run of each."""

    def __init__(self, database: Database, pipelines: PipelineCache) -> None:
        self._database = database
        self._pipelines = pipelines
        self._last = 0.0

    def tick(self) -> None:
        """Start what is due."""
        if time.monotonic() - self._last < PERIOD:
            return
        self._last = time.monotonic()
        with self._database.session() as session:
            due = list(
                session.scalars(
                    sa.select(RecurringRun.id)
                    .where(RecurringRun.enabled, RecurringRun.next_tick_at <= now())
                    .limit(BATCH)
                )
            )
        for recurring_run_id in due:
            self._guarded(recurring_run_id)

    def _guarded(self, recurring_run_id: str) -> None:
        """Start what is due of one recurring run, whose faults are its own."""
        try:
            self._database.retrying(partial(self._start, recurring_run_id))
        except IntegrityError:
            logger.info("recurring run %s: this tick has its run already", recurring_run_id)
            self._database.retrying(partial(_pass_over, recurring_run_id, ""))
        except Exception as error:
            if isinstance(error, faults.AWAY) and not self._database.answers():
                raise
            logger.exception("recurring run %s cannot start", recurring_run_id)
            words = str(error).encode(errors="backslashreplace").decode()
            message = f"the run could not be started: {type(error).__name__}: {words[:500]}"
            self._database.retrying(partial(_pass_over, recurring_run_id, message))

    def _start(self, recurring_run_id: str, session: Session) -> None:
        row = session.scalar(
            sa.select(RecurringRun).where(RecurringRun.id == recurring_run_id).with_for_update()
        )
        moment = now()
        if row is None or not row.enabled or row.next_tick_at is None or row.next_tick_at > moment:
            return
        active = session.scalar(
            sa.select(sa.func.count())
            .select_from(Run)
            .where(Run.recurring_run_id == row.id, Run.state.in_(ACTIVE))
        )
        if (active or 0) >= row.max_concurrency:
            return
        tick = row.next_tick_at
        if row.no_catchup:
            tick = schedules.latest_tick(tick, moment, **recurring_runs.schedule_of(row))
        row.last_tick_at = tick
        row.next_tick_at = recurring_runs.due(row)
        row.run_count += 1
        try:
            with session.begin_nested():
                session.add(self._build(session, row, tick, moment))
            row.error = ""
        except (ServiceError, PipelineError) as error:
            logger.warning("recurring run %s cannot start: %s", row.id, error)
            row.error = str(error)

    def _build(self, session: Session, row: RecurringRun, tick: datetime, moment: datetime) -> Run:
        run_id = new_id()
        config = dict(row.runtime_config)
        config["parameters"] = schedules.fill_macros(
            config.get("parameters", {}),
            scheduled=tick,
            current=moment,
            index=row.run_count,
            run_id=run_id,
        )
        spec = None
        if row.document_digest is not None:
            session.refresh(row, ["document"])
            spec = row.document.content if row.document else None
        run = runs.build_run(
            session,
            self._pipelines,
            runs.NewRun(
                display_name=f"{row.display_name[:220]} {tick:%Y-%m-%d %H:%M:%S}",
                description=row.description,
                pipeline_id="" if spec else row.pipeline_id or "",
                pipeline_version_id="" if spec else row.pipeline_version_id or "",
                spec=spec,
                runtime_config=config,
                service_account=row.service_account,
                recurring_run_id=row.id,
                tick_at=tick,
            ),
            row.experiment_id,
        )
        run.id = run_id
        return run


def _pass_over(recurring_run_id: str, message: str, session: Session) -> None:
    """Leave out the moment that is due; a schedule without a next one is switched off."""
    row = session.get(RecurringRun, recurring_run_id, with_for_update=True)
    if row is None or not row.enabled:
        return
    row.error = message
    row.last_tick_at = row.next_tick_at
    try:
        row.next_tick_at = recurring_runs.due(row)
    except (ValueError, OverflowError) as error:
        row.enabled, row.next_tick_at = False, None
        row.error = f"the schedule cannot be followed: {error}"
