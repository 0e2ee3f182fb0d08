"""How an attempt has ended: with its outputs, with another try later, or in failure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2 as pb

from pipeline_server.database.history import set_task_state
from pipeline_server.database.models import Attempt, RunState, Task
from pipeline_server.execution import steps
from pipeline_server.execution.advance.jobs import Job
from pipeline_server.execution.advance.state import PassState

BACKOFF_LIMIT = 3600.0
LONGEST_BACKOFF = 7 * 24 * 3600.0
SLACK = timedelta(seconds=0.5)


def reported(
    state: PassState,
    task: Task,
    attempt: Attempt,
    report: dict[str, Any],
    exit_code: int | None,
) -> None:
    """The launcher has said how the step ended."""
    attempt.exit_code = exit_code
    if exit_code or report.get("message"):
        message = str(report.get("message") or f"exit code {exit_code}")
        if is_late(state, attempt):
            # The kubelet minds the same limit, and may have stopped the step first.
            message = late_message(state, task)
        failed(state, task, attempt, message, report)
        return
    task.outputs = steps.read_outputs(state.session, state.run, task, state.pipeline, report)
    state.end_attempt(attempt, RunState.SUCCEEDED, "")
    _keep_log(state, task, attempt, report)
    set_task_state(task, RunState.SUCCEEDED)


def failed(
    state: PassState,
    task: Task,
    attempt: Attempt,
    message: str,
    report: dict[str, Any] | None = None,
) -> None:
    """The attempt is lost: the step tries again if its policy has tries left."""
    if attempt.exit_code is None and report:
        attempt.exit_code = report.get("exit_code")
    state.end_attempt(attempt, RunState.FAILED, message)
    _keep_log(state, task, attempt, report or {})
    policy = state.planner.retry_policy(task)
    tries = task.attempt_count - task.attempt_base
    if policy is None or tries > policy.max_retry_count:
        state.planner.fail(task, message)
        return
    task.retry_at = state.moment + timedelta(seconds=_delay(policy, tries))
    note = f"attempt {tries} failed: {message}"
    set_task_state(task, RunState.PENDING, note)


def is_late(state: PassState, attempt: Attempt) -> bool:
    """Whether an attempt is past its limit."""
    return attempt.deadline_at is not None and state.moment >= attempt.deadline_at - SLACK


def late_message(state: PassState, task: Task) -> str:
    """What is said of a step that is past its limit."""
    seconds = state.options(task).deadline_seconds
    return f"the step ran longer than its limit of {seconds} s (activeDeadlineSeconds)"


def _keep_log(state: PassState, task: Task, attempt: Attempt, report: dict[str, Any]) -> None:
    uri = steps.log_uri(state.settings, attempt)
    task.log_uri = attempt.log_uri = uri
    if report.get("log_stored"):
        return
    pod_name = attempt.pod_name

    def store() -> None:
        content = state.cluster.read_log(pod_name)
        if content is not None:
            state.store.put(uri, content)

    state.jobs.append(Job(f"log:{pod_name}", f"keep the log of {pod_name}", store))


def _delay(policy: pb.PipelineTaskSpec.RetryPolicy, tries: int) -> float:
    """Seconds before the next attempt: the back-off of the policy, with upstream's defaults."""
    first = policy.backoff_duration.seconds + policy.backoff_duration.nanos / 1e9
    factor = policy.backoff_factor or 2.0
    limit = min(policy.backoff_max_duration.seconds or BACKOFF_LIMIT, LONGEST_BACKOFF)
    if first <= 0:
        return 0.0
    try:
        return float(min(first * factor ** (tries - 1), limit))
    except OverflowError:
        return float(limit)
