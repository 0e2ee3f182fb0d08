"""What has ended or gone on since the last pass, by the launchers' reports and the pods."""

from __future__ import annotations

from datetime import timedelta

from pipeline_server.database.history import set_task_state
from pipeline_server.database.models import Attempt, ImageTrait, RunState, Task
from pipeline_server.execution import steps
from pipeline_server.execution.advance.attempt_pod import make_pod
from pipeline_server.execution.advance.outcome import failed, is_late, late_message, reported
from pipeline_server.execution.advance.state import PassState
from pipeline_server.execution.pod_status import PodStatus, read_status
from pipeline_server.ir.errors import PipelineError

HOPELESS_AFTER = timedelta(seconds=60)
PULL_PATIENCE = timedelta(minutes=10)
PULL_REASONS = {"ErrImagePull", "ImagePullBackOff"}
EVENTS_AFTER = timedelta(seconds=30)
MOUNT_PATIENCE = timedelta(minutes=2)
MOUNT_REASONS = {"FailedMount", "FailedAttachVolume"}
VANISHED = "the step's pod is gone: it was deleted, or its node was, before the step had ended"


def settle(state: PassState) -> None:
    """Look at every attempt that is under way."""
    for task in state.open_steps():
        attempt = state.open_attempt(task)
        if attempt is None:
            continue
        try:
            _settle_one(state, task, attempt)
        except PipelineError as error:
            failed(state, task, attempt, str(error))


def _settle_one(state: PassState, task: Task, attempt: Attempt) -> None:
    if attempt.mode == "launcher" and attempt.report is not None:
        reported(state, task, attempt, attempt.report, attempt.report.get("exit_code"))
        return
    pod = state.watcher.get(attempt.pod_name)
    if pod is None:
        _without_pod(state, task, attempt)
        return
    attempt.pod_seen = True
    status = read_status(pod)
    if status.without_python and attempt.mode == "launcher":
        _use_sidecar(state, task, attempt)
    elif attempt.mode == "sidecar" and status.exit_code is not None:
        _sidecar_ended(state, task, attempt, status)
    elif status.finished:
        failed(state, task, attempt, status.note or f"exit code {status.exit_code}")
    elif is_late(state, attempt):
        failed(state, task, attempt, late_message(state, task))
        state.delete_pod(attempt.pod_name)
    elif status.started:
        _running(state, task, attempt)
    else:
        _waiting(state, task, attempt, status)


def _sidecar_ended(state: PassState, task: Task, attempt: Attempt, status: PodStatus) -> None:
    if status.exit_code:
        failed(state, task, attempt, status.note or f"exit code {status.exit_code}")
    elif attempt.report is not None:
        reported(state, task, attempt, attempt.report, 0)
    elif status.phase in {"Succeeded", "Failed"}:
        failed(state, task, attempt, "the step ended well, but its outputs were not stored")
    else:
        state.wake_at(state.moment + timedelta(seconds=1))


def _without_pod(state: PassState, task: Task, attempt: Attempt) -> None:
    if not attempt.pod_seen or not state.watcher.synced:
        state.wake_at(state.moment + timedelta(seconds=2))
        return
    if state.cluster.get_pod(attempt.pod_name) is None:
        failed(state, task, attempt, VANISHED)
    else:
        state.wake_at(state.moment + timedelta(seconds=1))


def _running(state: PassState, task: Task, attempt: Attempt) -> None:
    task.note = attempt.note = ""
    if attempt.state == RunState.PENDING:
        attempt.state = RunState.RUNNING
        attempt.started_at = attempt.started_at or state.moment
    if task.state == RunState.PENDING:
        set_task_state(task, RunState.RUNNING)
    state.wake_at(attempt.deadline_at)


def _waiting(state: PassState, task: Task, attempt: Attempt, status: PodStatus) -> None:
    waited = state.moment - attempt.created_at
    note, patience = status.note, _patience(status)
    if not status.message and waited > EVENTS_AFTER:
        # Of a volume that cannot be mounted only the events tell.
        warning = state.cluster.last_warning(attempt.pod_name)
        if warning is not None:
            note, patience = ": ".join(warning), _patience_with(*warning)
    task.note = attempt.note = note
    if status.reason == "InvalidImageName" or (patience is not None and waited > patience):
        failed(state, task, attempt, f"the pod cannot start: {note}")
        state.delete_pod(attempt.pod_name)
    else:
        state.wake_at(state.moment + timedelta(seconds=5))


def _patience(status: PodStatus) -> timedelta | None:
    """How long a pod in this state is waited for; none is for ever."""
    missing = "persistentvolumeclaim" in status.message and "not found" in status.message
    if status.hopeless or missing:
        return HOPELESS_AFTER
    return PULL_PATIENCE if status.reason in PULL_REASONS else None


def _patience_with(reason: str, message: str) -> timedelta | None:
    """The same for the last that the cluster has warned of: what is missing may yet be made."""
    if reason not in MOUNT_REASONS:
        return None
    return MOUNT_PATIENCE if "not found" in message else PULL_PATIENCE


def _use_sidecar(state: PassState, task: Task, attempt: Attempt) -> None:
    """The image has no Python: the same attempt again, in another form of pod."""
    old = attempt.pod_name
    image = state.image(task)
    digest = steps.uri_digest(image)
    if state.session.get(ImageTrait, digest) is None:
        state.session.add(ImageTrait(image_digest=digest, image=image, without_python=True))
    attempt.mode = "sidecar"
    attempt.pod_name = f"{old}-s"
    attempt.pod_seen = False
    task.pod_name = attempt.pod_name
    state.delete_pod(old)
    make_pod(state, task, attempt)
