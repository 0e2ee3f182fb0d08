"""What a run's pass can fail with, and the end of a run that cannot be driven."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from lab_ground.kubernetes.errors import ApiError
from pipeline_server.database.connection import is_conflict
from pipeline_server.database.history import set_run_state, set_task_state
from pipeline_server.database.models import FINISHED, Attempt, Run, RunState, Task, now
from pipeline_server.errors import UnavailableError

# What a database that is away, or is just going, ends a transaction with.
AWAY = (OperationalError, InterfaceError, PoolTimeoutError)
REFUSALS = frozenset({400, 405, 413, 422})
MAXIMUM_REASON = 2000


def is_passing(error: Exception) -> bool:
    """Whether it lies with the cluster, the store or another transaction, and not with the run."""
    if isinstance(error, ApiError):
        return error.status not in REFUSALS
    if isinstance(error, DBAPIError):
        return is_conflict(error)
    return isinstance(error, UnavailableError)


def reason_of(error: Exception) -> str:
    """What a person reads of a run that was given up."""
    lines = str(error).splitlines()
    words = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    text = f"the pipeline server cannot go on with this run: {words}"
    return text[:MAXIMUM_REASON].encode(errors="backslashreplace").decode()


def end(session: Session, run_id: str, reason: str) -> None:
    """Fail a run with all that is open in it; nothing of its pipeline is read."""
    run = session.scalar(sa.select(Run).where(Run.id == run_id).with_for_update())
    if run is None or run.state in FINISHED:
        return
    for task in session.scalars(
        sa.select(Task).where(Task.run_id == run_id, Task.state.not_in(FINISHED))
    ):
        task.note = ""
        task.retry_at = None
        set_task_state(task, RunState.FAILED, reason)
    session.execute(
        sa.update(Attempt)
        .where(Attempt.run_id == run_id, Attempt.state.not_in(FINISHED))
        .values(state=RunState.FAILED, error=reason, note="", finished_at=now())
    )
    set_run_state(run, RunState.FAILED, reason)
    run.wake_at = None
