"""The pod of an attempt: decided now, made after the commit, and what if it is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from pipeline_server.database.history import set_task_state
from pipeline_server.database.models import FINISHED, Attempt, Run, RunState, Task, now
from pipeline_server.execution import claims, steps
from pipeline_server.execution.advance.jobs import Job
from pipeline_server.execution.advance.state import PassState
from pipeline_server.execution.pods import build_pod


def make_pod(state: PassState, task: Task, attempt: Attempt) -> None:
    """Have the pod of an attempt made, once in a pass."""
    if attempt.pod_name in state.made:
        return
    state.made.add(attempt.pod_name)
    workspace = claims.workspace(state.run, state.pipeline, state.settings)
    manifest = _build(state, task, attempt, workspace["metadata"]["name"] if workspace else "")
    cluster, attempt_id, task_id = state.cluster, attempt.id, task.id

    def create() -> None:
        if workspace:
            cluster.create_claim(workspace)
        cluster.create_pod(manifest)

    def done(session: Session, _message: str) -> None:
        session.execute(sa.update(Attempt).where(Attempt.id == attempt_id).values(pod_seen=True))

    def refused(session: Session, message: str) -> None:
        _refuse(session, attempt_id, task_id, message)

    state.wake_at(state.moment + timedelta(seconds=3))
    state.jobs.append(
        Job(f"create:{attempt.pod_name}", f"create {attempt.pod_name}", create, done, refused)
    )


def _build(state: PassState, task: Task, attempt: Attempt, workspace: str) -> dict[str, Any]:
    work = steps.build_work(state.session, state.settings, state.run, task, state.pipeline)
    step = steps.StepPodFactory(state.settings).build(
        state.run, task, attempt, work, state.options(task), workspace
    )
    trusted = state.settings.trusted_ca_config_map
    return build_pod(
        step, state.settings, trusted_ca=bool(trusted) and state.cluster.has_config_map(trusted)
    )


def _refuse(session: Session, attempt_id: str, task_id: str, message: str) -> None:
    """The cluster will not have this pod: a quota may free, everything else is final."""
    attempt = session.get(Attempt, attempt_id)
    task = session.get(Task, task_id)
    if attempt is None or task is None or attempt.state in FINISHED:
        return
    run = session.scalar(sa.select(Run).where(Run.id == attempt.run_id).with_for_update())
    if "exceeded quota" in message:
        task.note = attempt.note = message
        if run is not None:
            run.wake_at = now() + timedelta(seconds=5)
        return
    attempt.state = RunState.FAILED
    attempt.error = message
    attempt.finished_at = now()
    set_task_state(task, RunState.FAILED, f"the cluster refused the pod: {message}")
    if run is not None:
        run.wake_at = now()
