"""What begins: importers and claims at once, everything else with an attempt in a pod."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from lab_ground.kubernetes.errors import ApiError
from pipeline_server.database.history import set_task_state
from pipeline_server.database.models import FINISHED, Attempt, ImageTrait, RunState, Task, TaskKind
from pipeline_server.execution import claims, importer, names, steps
from pipeline_server.execution.advance.attempt_pod import make_pod
from pipeline_server.execution.advance.state import PassState
from pipeline_server.execution.faults import REFUSALS
from pipeline_server.execution.fingerprint import fingerprint
from pipeline_server.ir.errors import PipelineError

FORBIDDEN = 403
WAIT = timedelta(seconds=2)


def begin(state: PassState) -> bool:
    """Begin the steps that wait for it; says whether one of them has ended at once."""
    ended = False
    for task in state.open_steps():
        try:
            ended = _begin_one(state, task) or ended
        except PipelineError as error:
            state.planner.fail(task, str(error))
            ended = True
    return ended


def _begin_one(state: PassState, task: Task) -> bool:
    match task.kind:
        case TaskKind.IMPORTER:
            task.outputs = importer.run(state.session, state.run, task, state.pipeline)
            set_task_state(task, RunState.SUCCEEDED)
            return True
        case TaskKind.CREATE_PVC | TaskKind.DELETE_PVC:
            return _claim(state, task)
    attempt = state.open_attempt(task)
    if attempt is not None:
        if not attempt.pod_seen:
            make_pod(state, task, attempt)
        return False
    if task.retry_at is not None and task.retry_at > state.moment:
        state.wake_at(task.retry_at)
        return False
    if task.id not in state.attempts and _from_cache(state, task):
        return True
    state.full = state.full or _full(state)
    if state.full:
        task.note = state.full
        state.wake_at(state.moment + WAIT)
        return False
    _new_attempt(state, task)
    return False


def _full(state: PassState) -> str:
    """Why no further step may have a pod now; empty where one may."""
    settings = state.settings
    own = sum(attempt.state not in FINISHED for attempt in state.attempts.values())
    if settings.parallel_steps_run and own >= settings.parallel_steps_run:
        return f"waits: {own} steps of this run have a pod, the limit of a run"
    if not settings.parallel_steps_seat:
        return ""
    statement = sa.select(sa.func.count()).select_from(Attempt)
    every = state.session.scalar(statement.where(Attempt.state.not_in(FINISHED))) or 0
    if every >= settings.parallel_steps_seat:
        return f"waits: {every} steps of this project have a pod, the limit of a project"
    return ""


def _claim(state: PassState, task: Task) -> bool:
    """Claims are made and removed by the server itself, as upstream's driver does.

    Says whether that is done: a claim beyond a quota waits, as a pod would.
    """
    if task.kind == TaskKind.DELETE_PVC:
        state.cluster.delete_claim(claims.name_to_delete(task))
    else:
        manifest = claims.build(task, state.settings)
        try:
            state.cluster.create_claim(manifest)
        except ApiError as error:
            if error.status == FORBIDDEN and "exceeded quota" in error.message:
                task.note = error.message
                state.wake_at(state.moment + timedelta(seconds=5))
                return False
            if error.status not in {*REFUSALS, FORBIDDEN}:
                raise
            raise PipelineError(f"the cluster refused the claim: {error.message}") from None
        task.outputs = {
            "parameters": {"name": manifest["metadata"]["name"]},
            "artifacts": {},
        }
    task.note = ""
    set_task_state(task, RunState.SUCCEEDED)
    return True


def _from_cache(state: PassState, task: Task) -> bool:
    enabled, key = state.planner.may_cache(task)
    if not enabled:
        return False
    artifacts = steps.load_artifacts(state.session, [task.inputs])
    task.fingerprint = fingerprint(
        state.pipeline, task.component, task.inputs, artifacts, state.options(task).claims, key
    )
    found = state.session.scalar(
        sa.select(Task)
        .where(Task.fingerprint == task.fingerprint, Task.state == RunState.SUCCEEDED)
        .order_by(Task.finished_at.desc())
        .limit(1)
    )
    if found is None:
        return False
    task.outputs = found.outputs
    task.cached_from_id = found.id
    task.log_uri = found.log_uri
    task.skip_reason = "cached"
    set_task_state(task, RunState.SKIPPED)
    return True


def _new_attempt(state: PassState, task: Task) -> None:
    number = task.attempt_count + 1
    attempt = Attempt(
        task_id=task.id,
        run_id=state.run.id,
        number=number,
        pod_name=names.pod_name(task.name, task.id, number),
        mode=_mode(state, task),
        state=RunState.PENDING,
        pod_seen=False,
        created_at=state.moment,
        note="",
        error="",
        log_uri="",
    )
    seconds = state.options(task).deadline_seconds
    if seconds:
        attempt.deadline_at = state.moment + timedelta(seconds=seconds)
    task.attempt_count = number
    task.retry_at = None
    task.note = ""
    task.pod_name = attempt.pod_name
    state.session.add(attempt)
    state.session.flush()
    state.attempts[task.id] = attempt
    make_pod(state, task, attempt)


def _mode(state: PassState, task: Task) -> str:
    """The launcher runs inside the step's container where the image is known to let it."""
    traits = state.session.get(ImageTrait, steps.uri_digest(state.image(task)))
    container = state.pipeline.executor(task.component).container
    without_python = traits is not None and traits.without_python
    return "sidecar" if not container.command or without_python else "launcher"
