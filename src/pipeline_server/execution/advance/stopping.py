"""A run that is to end before its steps have: past its deadline, or terminated."""

from __future__ import annotations

from datetime import timedelta

from pipeline_server.database.history import set_run_state, set_task_state
from pipeline_server.database.models import FINISHED, RunState
from pipeline_server.execution import steps
from pipeline_server.execution.advance.jobs import Job
from pipeline_server.execution.advance.state import PassState

CANCEL_FORCE = timedelta(seconds=7)


def stop_if_overdue(state: PassState) -> bool:
    """A run that has a deadline of its own and is past it fails, with its pods removed."""
    platform = state.pipeline.kubernetes
    seconds = platform.pipelineConfig.active_deadline_seconds if platform else 0
    if not seconds:
        return False
    deadline = state.run.created_at + timedelta(seconds=seconds)
    if state.moment < deadline:
        state.wake_at(deadline)
        return False
    message = f"the run took longer than its limit of {seconds} s"
    for task in state.planner.tasks.values():
        if task.state in FINISHED:
            continue
        attempt = state.open_attempt(task)
        if attempt is not None:
            state.end_attempt(attempt, RunState.FAILED, message)
            state.delete_pod(attempt.pod_name)
        set_task_state(task, RunState.FAILED, message)
    set_run_state(state.run, RunState.FAILED, message)
    state.run.wake_at = None
    return True


def cancel(state: PassState) -> None:
    """Remove the pods, ended ones, too; the run is canceled when none is left."""
    run = state.run
    if not state.watcher.synced:
        # Which pods there are is not known: none may be left behind.
        state.jobs.append(_delete_all(state, run.id))
        run.wake_at = state.moment + timedelta(seconds=1)
        return
    left = state.watcher.of_run(run.id)
    making = [
        attempt
        for attempt in state.attempts.values()
        if attempt.state not in FINISHED and not attempt.pod_seen
    ]
    late = state.moment - (run.cancel_requested_at or state.moment) > CANCEL_FORCE
    if late:
        for pod in left:
            state.delete_pod(pod["metadata"]["name"], 0)
    elif left or making:
        state.jobs.append(_delete_all(state, run.id))
    if left or (making and not late):
        run.wake_at = state.moment + timedelta(seconds=1)
        return
    _cancel_tasks(state)
    set_run_state(run, RunState.CANCELED)
    state.delete_workspace()
    run.wake_at = None


def _delete_all(state: PassState, run_id: str) -> Job:
    return Job(
        f"delete-run:{run_id}",
        f"delete the pods of {run_id}",
        lambda: state.cluster.delete_run(run_id),
    )


def _cancel_tasks(state: PassState) -> None:
    for task in state.planner.tasks.values():
        if task.state in FINISHED:
            continue
        attempt = state.open_attempt(task)
        if attempt is not None:
            state.end_attempt(attempt, RunState.CANCELED, "the run was terminated")
            stored = (attempt.report or {}).get("log_stored")
            attempt.log_uri = steps.log_uri(state.settings, attempt) if stored else ""
        set_task_state(task, RunState.CANCELED, "the run was terminated")
