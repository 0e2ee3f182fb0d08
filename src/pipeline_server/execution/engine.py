"""Drives the runs: one replica at a time, from what the database and the cluster say.

Everything that was decided is committed before it is done, and everything that is done may be
done again: a pod's name comes from its attempt, so a server that was killed at any moment, or a
second one, finds the same pod.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lab_ground.kubernetes.errors import ApiError
from pipeline_server.database.connection import Database
from pipeline_server.database.models import ACTIVE, FINISHED, Run, RunState, now
from pipeline_server.errors import ServiceError
from pipeline_server.execution import faults
from pipeline_server.execution.advance.jobs import Job
from pipeline_server.execution.advance.one_pass import advance
from pipeline_server.execution.advance.state import PassState
from pipeline_server.execution.cluster import Cluster, PodWatcher
from pipeline_server.execution.leadership import Leadership
from pipeline_server.execution.scheduler import Scheduler
from pipeline_server.ir.errors import PipelineError
from pipeline_server.object_store import ObjectStore
from pipeline_server.services.documents import PipelineCache
from pipeline_server.settings import Settings

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
CLEANING_SECONDS = 20.0
BATCH = 50
TRIES = 6


class Engine:
    """The loop over the runs that are due, and what it needs."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        cluster: Cluster,
        pipelines: PipelineCache,
    ) -> None:
        self._settings = settings
        self._database = database
        self._store = store
        self._cluster = cluster
        self._pipelines = pipelines
        self._leadership = Leadership(database, settings.replica)
        self._scheduler = Scheduler(database, pipelines)
        self._watcher = PodWatcher(cluster, self.look_at)
        self._pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="engine")
        self._lock = threading.Lock()
        self._touched: set[str] = set()
        self._failures: dict[str, int] = {}
        self._event = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._last_cleaning = 0.0
        # What pipelines say of it, by digest and outcome: a document never changes.
        self._keep_seconds: dict[tuple[str, bool], int] = {}
        self._last_beat = time.monotonic()

    def start(self) -> None:
        """Begin."""
        self._watcher.start()
        self._thread.start()

    def stop(self) -> None:
        """End, and let another replica go on at once."""
        self._stopping.set()
        self._watcher.stop()
        self._event.set()
        self._thread.join(10.0)
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._leadership.release()

    @property
    def alive(self) -> bool:
        """Whether the loop still turns."""
        return time.monotonic() - self._last_beat < 60

    @property
    def leading(self) -> bool:
        """Whether this replica drives the runs."""
        return self._leadership.leading

    def wake(self) -> None:
        """There is something to do in the database."""
        self._event.set()

    def look_at(self, run_id: str) -> None:
        """Something of this run changed in the cluster."""
        if run_id:
            with self._lock:
                self._touched.add(run_id)
            self._event.set()

    # -- the loop ------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._last_beat = time.monotonic()
            self._event.wait(POLL_SECONDS)
            self._event.clear()
            try:
                if self._leadership.hold():
                    self._turn()
            except SQLAlchemyError as error:
                logger.warning("the database does not answer: %s", _first_line(error))
                time.sleep(1.0)
            except Exception:
                logger.exception("a turn of the engine broke")
                time.sleep(1.0)

    def _turn(self) -> None:
        try:
            self._scheduler.tick()
        except Exception:
            if not self._database.answers():
                raise
            logger.exception("the schedules cannot be followed")
        for run_id in self._due():
            if self._stopping.is_set() or not self._leadership.hold():
                return
            self._guarded(run_id)
        if time.monotonic() - self._last_cleaning > CLEANING_SECONDS:
            self._last_cleaning = time.monotonic()
            self._clean()

    def _due(self) -> list[str]:
        with self._lock:
            touched = list(self._touched)
            self._touched.clear()
        with self._database.session() as session:
            statement = (
                sa.select(Run.id)
                .where(Run.state.in_(ACTIVE), Run.wake_at <= now())
                .order_by(Run.wake_at)
                .limit(BATCH)
            )
            due = list(session.scalars(statement))
            if touched:
                live = sa.select(Run.id).where(Run.id.in_(touched), Run.state.in_(ACTIVE))
                due += [run_id for run_id in session.scalars(live) if run_id not in set(due)]
        return due

    def _guarded(self, run_id: str) -> None:
        """A pass over one run, whose faults are its own: all others go on."""
        try:
            self._advance(run_id)
        except Exception as error:
            if isinstance(error, faults.AWAY) and not self._database.answers():
                raise
            self._explain(run_id, error)
        else:
            self._failures.pop(run_id, None)

    def _explain(self, run_id: str, error: Exception) -> None:
        """Look at the run again a little later, or give it up where that will not help."""
        if faults.is_passing(error):
            logger.warning("run %s: again in 5 s: %s", run_id, error)
        else:
            logger.error("run %s cannot be driven", run_id, exc_info=error)
            self._failures[run_id] = self._failures.get(run_id, 0) + 1
            final = isinstance(error, PipelineError) or self._failures[run_id] >= TRIES
            if final and self._give_up(run_id, error):
                return
        with self._database.session() as session:
            session.execute(
                sa.update(Run).where(Run.id == run_id).values(wake_at=now() + timedelta(seconds=5))
            )

    def _give_up(self, run_id: str, error: Exception) -> bool:
        """Fail a run, its pods removed; says whether the cluster let them be."""
        try:
            self._cluster.delete_run(run_id)
        except ApiError as refusal:
            logger.warning("run %s: its pods cannot be removed: %s", run_id, refusal)
            return False
        reason = faults.reason_of(error)
        self._database.retrying(lambda session: faults.end(session, run_id, reason))
        del self._failures[run_id]
        return True

    def _advance(self, run_id: str) -> None:
        def work(session: Session) -> list[Job]:
            run = session.scalar(sa.select(Run).where(Run.id == run_id).with_for_update())
            if run is None or run.state in FINISHED:
                return []
            return advance(
                PassState(
                    session,
                    run,
                    self._settings,
                    self._pipelines,
                    self._cluster,
                    self._watcher,
                    self._store,
                )
            )

        for job in self._database.retrying(work):
            self._pool.submit(self._do, run_id, job)

    def _do(self, run_id: str, job: Job) -> None:
        """Do what was decided, after it was committed."""
        try:
            job.action()
        except ApiError as error:
            if job.refused is not None and error.status in {400, 403, 422}:
                self._write(job.refused, error.message)
            else:
                logger.warning("%s: %s; again in 2 s", job.what, error)
                self._later(run_id, 2)
            return
        except ServiceError as error:
            logger.warning("%s: %s", job.what, error.message)
            return
        except Exception:
            logger.exception("%s failed", job.what)
            self._later(run_id, 5)
            return
        if job.done is not None:
            self._write(job.done, "")

    def _write(self, change: Callable[[Session, str], None], message: str) -> None:
        try:
            self._database.retrying(lambda session: change(session, message))
        except SQLAlchemyError as error:
            logger.warning("the database does not answer: %s", _first_line(error))
        self._event.set()

    def _later(self, run_id: str, seconds: int) -> None:
        try:
            with self._database.session() as session:
                session.execute(
                    sa.update(Run)
                    .where(Run.id == run_id)
                    .values(wake_at=now() + timedelta(seconds=seconds))
                )
        except SQLAlchemyError as error:
            logger.warning("the database does not answer: %s", _first_line(error))

    # -- pods whose run is over ----------------------------------------------------------------

    def _clean(self) -> None:
        """Remove pods of deleted runs, and of finished ones after a while: logs are kept."""
        if not self._watcher.synced:
            return
        present = self._watcher.run_ids()
        with self._database.session() as session:
            known = {
                row.id: row for row in session.scalars(sa.select(Run).where(Run.id.in_(present)))
            }
            for run_id in present:
                run = known.get(run_id)
                if run is None or self._is_stale(session, run):
                    logger.info("removing the pods of run %s", run_id)
                    self._cluster.delete_run(run_id)

    def _is_stale(self, session: Session, run: Run) -> bool:
        """Whether the pods of a run have been kept as long as its author, or the server, wants."""
        if run.state not in FINISHED or run.finished_at is None:
            return False
        key = run.document_digest, run.state == RunState.SUCCEEDED
        if key not in self._keep_seconds:
            session.refresh(run, ["document"])
            self._keep_seconds[key] = self._wanted_seconds(run, key[1])
        seconds = self._keep_seconds[key] or self._settings.step_ttl_seconds
        return bool(run.finished_at + timedelta(seconds=seconds) < now())

    def _wanted_seconds(self, run: Run, succeeded: bool) -> int:
        """What the run's author said; nothing, where that cannot be read any more."""
        try:
            pipeline = self._pipelines.get(run.document_digest, run.document.content)
        except PipelineError as error:
            logger.warning("the pipeline of run %s cannot be read: %s", run.id, error)
            return 0
        return pipeline.keep_seconds(succeeded)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
