"""One pass over one run: settle what has ended, begin what may begin, within one transaction.

What has to happen in the cluster is left as jobs, done after the commit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..database.models import (
    FINISHED,
    Attempt,
    ImageTrait,
    Run,
    RunState,
    Task,
    TaskKind,
    now,
)
from ..ir.errors import PipelineError
from ..object_store import ObjectStore
from ..services.documents import PipelineCache
from ..settings import Settings
from . import claims, importer, names, steps
from .cluster import Cluster, PodWatcher
from .fingerprint import fingerprint
from .history import set_run_state, set_task_state
from .planner import GRAPHS, Planner
from .pods import PodStatus, build_pod, read_status

logger = logging.getLogger(__name__)

HEARTBEAT = timedelta(seconds=20)
CANCEL_FORCE = timedelta(seconds=7)
HOPELESS_AFTER = timedelta(seconds=60)
PULL_PATIENCE = timedelta(minutes=10)
BACKOFF_LIMIT = 3600.0
SLACK = timedelta(seconds=0.5)
VANISHED = "the step's pod is gone: it was deleted, or its node was, before the step had ended"
PULL_REASONS = {"ErrImagePull", "ImagePullBackOff"}


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do in the cluster, and what to write when it is done or was refused."""

    key: str
    what: str
    action: Callable[[], None]
    done: Callable[[Session, str], None] | None = None
    refused: Callable[[Session, str], None] | None = None


class Advance:
    """Takes one run as far as it goes now."""

    def __init__(
        self,
        session: Session,
        run: Run,
        settings: Settings,
        pipelines: PipelineCache,
        cluster: Cluster,
        watcher: PodWatcher,
        store: ObjectStore,
    ) -> None:
        self.session = session
        self.run = run
        self.settings = settings
        self.cluster = cluster
        self.watcher = watcher
        self.store = store
        self.jobs: list[Job] = []
        self._made: set[str] = set()
        self.moment = now()
        self.wake: datetime = self.moment + HEARTBEAT
        session.refresh(run, ["document", "tasks"])
        self.pipeline = pipelines.get(run.document_digest, run.document.content)
        self.planner = Planner.of(run, self.pipeline, run.tasks)
        self.attempts = self._load_attempts()

    def go(self) -> None:
        """The whole pass."""
        if self.run.state == RunState.CANCELING:
            self._cancel()
            return
        if self._is_overdue():
            return
        if self.planner.root is None:
            try:
                self.planner.start()
            except PipelineError as error:
                set_run_state(self.run, RunState.FAILED, str(error))
                self.run.wake_at = None
                return
            set_run_state(self.run, RunState.RUNNING)
            self._add_created()
        if self.run.state == RunState.PENDING:
            set_run_state(self.run, RunState.RUNNING)
        self._settle()
        while self.planner.advance() or self.planner.created:
            self._add_created()
            if not self._begin():
                break
        self._begin()
        self._finish()

    # -- what there is -------------------------------------------------------------------------

    def _load_attempts(self) -> dict[str, Attempt]:
        statement = sa.select(Attempt).where(Attempt.run_id == self.run.id)
        rows = self.session.scalars(statement.order_by(Attempt.number))
        return {row.task_id: row for row in rows}

    def _add_created(self) -> None:
        self.session.add_all(self.planner.created)
        self.planner.created.clear()
        self.session.flush()

    def _open_steps(self) -> list[Task]:
        return [
            task
            for task in self.planner.tasks.values()
            if task.kind not in GRAPHS and task.state not in FINISHED
        ]

    def _wake_at(self, moment: datetime | None) -> None:
        if moment is not None:
            self.wake = min(self.wake, moment)

    def _is_overdue(self) -> bool:
        """A run that has a deadline of its own and is past it fails, with its pods removed."""
        platform = self.pipeline.kubernetes
        seconds = platform.pipelineConfig.active_deadline_seconds if platform else 0
        if not seconds:
            return False
        deadline = self.run.created_at + timedelta(seconds=seconds)
        if self.moment < deadline:
            self._wake_at(deadline)
            return False
        message = f"the run took longer than its limit of {seconds} s"
        for task in self.planner.tasks.values():
            if task.state not in FINISHED:
                attempt = self.attempts.get(task.id)
                if attempt is not None and attempt.state not in FINISHED:
                    self._end_attempt(attempt, RunState.FAILED, message)
                    self._remove(attempt)
                set_task_state(task, RunState.FAILED, message)
        set_run_state(self.run, RunState.FAILED, message)
        self.run.wake_at = None
        return True

    # -- what has ended ------------------------------------------------------------------------

    def _settle(self) -> None:
        for task in self._open_steps():
            attempt = self.attempts.get(task.id)
            if attempt is None or attempt.state in FINISHED:
                continue
            try:
                self._settle_one(task, attempt)
            except PipelineError as error:
                self._failed(task, attempt, str(error))

    def _settle_one(self, task: Task, attempt: Attempt) -> None:
        if attempt.mode == "launcher" and attempt.report is not None:
            self._reported(task, attempt, attempt.report, attempt.report.get("exit_code"))
            return
        pod = self.watcher.get(attempt.pod_name)
        if pod is None:
            self._without_pod(task, attempt)
            return
        attempt.pod_seen = True
        status = read_status(pod)
        if status.without_python and attempt.mode == "launcher":
            self._use_sidecar(attempt, task)
        elif attempt.mode == "sidecar" and status.exit_code is not None:
            self._sidecar_ended(task, attempt, status)
        elif status.finished:
            self._failed(task, attempt, status.note or f"exit code {status.exit_code}")
        elif self._is_late(attempt):
            self._failed(task, attempt, self._late_message(task))
            self._remove(attempt)
        elif status.started:
            self._running(task, attempt)
        else:
            self._waiting(task, attempt, status)

    def _sidecar_ended(self, task: Task, attempt: Attempt, status: PodStatus) -> None:
        if status.exit_code:
            self._failed(task, attempt, status.note or f"exit code {status.exit_code}")
        elif attempt.report is not None:
            self._reported(task, attempt, attempt.report, 0)
        elif status.phase in {"Succeeded", "Failed"}:
            self._failed(task, attempt, "the step ended well, but its outputs were not stored")
        else:
            self._wake_at(self.moment + timedelta(seconds=1))

    def _without_pod(self, task: Task, attempt: Attempt) -> None:
        if not attempt.pod_seen or not self.watcher.synced:
            self._wake_at(self.moment + timedelta(seconds=2))
            return
        if self.cluster.get_pod(attempt.pod_name) is None:
            self._failed(task, attempt, VANISHED)
        else:
            self._wake_at(self.moment + timedelta(seconds=1))

    def _running(self, task: Task, attempt: Attempt) -> None:
        task.note = attempt.note = ""
        if attempt.state == RunState.PENDING:
            attempt.state = RunState.RUNNING
            attempt.started_at = attempt.started_at or self.moment
        if task.state == RunState.PENDING:
            set_task_state(task, RunState.RUNNING)
        self._wake_at(attempt.deadline_at)

    def _waiting(self, task: Task, attempt: Attempt, status: PodStatus) -> None:
        task.note = attempt.note = status.note
        waited = self.moment - attempt.created_at
        missing = "persistentvolumeclaim" in status.message and "not found" in status.message
        patience: timedelta | None = None
        if status.hopeless or missing:
            patience = HOPELESS_AFTER
        elif status.reason in PULL_REASONS:
            patience = PULL_PATIENCE
        if status.reason == "InvalidImageName" or (patience is not None and waited > patience):
            self._failed(task, attempt, f"the pod cannot start: {status.note}")
            self._remove(attempt)
        else:
            self._wake_at(self.moment + timedelta(seconds=5))

    def _is_late(self, attempt: Attempt) -> bool:
        return attempt.deadline_at is not None and self.moment >= attempt.deadline_at - SLACK

    def _late_message(self, task: Task) -> str:
        seconds = self._options(task).deadline_seconds
        return f"the step ran longer than its limit of {seconds} s (activeDeadlineSeconds)"

    def _use_sidecar(self, attempt: Attempt, task: Task) -> None:
        """The image has no Python: the same attempt again, in another form of pod."""
        old = attempt.pod_name
        image = self._image(task)
        digest = steps.uri_digest(image)
        if self.session.get(ImageTrait, digest) is None:
            self.session.add(ImageTrait(image_digest=digest, image=image, without_python=True))
        attempt.mode = "sidecar"
        attempt.pod_name = f"{old}-s"
        attempt.pod_seen = False
        task.pod_name = attempt.pod_name
        self.jobs.append(
            Job(f"delete:{old}", f"delete {old}", lambda: self.cluster.delete_pod(old))
        )
        self._make_pod(task, attempt)

    def _reported(
        self, task: Task, attempt: Attempt, report: dict[str, Any], exit_code: int | None
    ) -> None:
        attempt.exit_code = exit_code
        if exit_code or report.get("message"):
            message = str(report.get("message") or f"exit code {exit_code}")
            if self._is_late(attempt):
                # The kubelet minds the same limit, and may have stopped the step first.
                message = self._late_message(task)
            self._failed(task, attempt, message, report)
            return
        task.outputs = steps.read_outputs(self.session, self.run, task, self.pipeline, report)
        self._end_attempt(attempt, RunState.SUCCEEDED, "")
        self._keep_log(task, attempt, report)
        set_task_state(task, RunState.SUCCEEDED)

    def _failed(
        self, task: Task, attempt: Attempt, message: str, report: dict[str, Any] | None = None
    ) -> None:
        if attempt.exit_code is None and report:
            attempt.exit_code = report.get("exit_code")
        self._end_attempt(attempt, RunState.FAILED, message)
        self._keep_log(task, attempt, report or {})
        policy = self.planner.retry_policy(task)
        tries = task.attempt_count - task.attempt_base
        if policy is None or tries > policy.max_retry_count:
            self.planner.fail(task, message)
            return
        task.retry_at = self.moment + timedelta(seconds=_delay(policy, tries))
        note = f"attempt {tries} failed: {message}"
        set_task_state(task, RunState.PENDING, note)

    def _end_attempt(self, attempt: Attempt, state: RunState, message: str) -> None:
        attempt.state = state
        attempt.error = message
        attempt.note = ""
        attempt.finished_at = self.moment
        task = self.planner.tasks.get(attempt.task_id)
        if task is not None:
            task.note = ""

    def _keep_log(self, task: Task, attempt: Attempt, report: dict[str, Any]) -> None:
        uri = steps.log_uri(self.settings, attempt)
        task.log_uri = attempt.log_uri = uri
        if report.get("log_stored"):
            return
        pod_name = attempt.pod_name

        def store() -> None:
            content = self.cluster.read_log(pod_name)
            if content is not None:
                self.store.put(uri, content)

        self.jobs.append(Job(f"log:{pod_name}", f"keep the log of {pod_name}", store))

    def _remove(self, attempt: Attempt) -> None:
        self._delete(attempt.pod_name, None)

    def _delete(self, name: str, grace: int | None) -> None:
        self.jobs.append(
            Job(f"delete:{name}", f"delete {name}", lambda: self.cluster.delete_pod(name, grace))
        )

    # -- what begins ---------------------------------------------------------------------------

    def _begin(self) -> bool:
        """Begin the steps that wait for it; says whether one of them has ended at once."""
        ended = False
        for task in self._open_steps():
            try:
                ended = self._begin_one(task) or ended
            except PipelineError as error:
                self.planner.fail(task, str(error))
                ended = True
        return ended

    def _begin_one(self, task: Task) -> bool:
        match task.kind:
            case TaskKind.IMPORTER:
                task.outputs = importer.run(self.session, self.run, task, self.pipeline)
                set_task_state(task, RunState.SUCCEEDED)
                return True
            case TaskKind.CREATE_PVC | TaskKind.DELETE_PVC:
                return self._claim(task)
        attempt = self.attempts.get(task.id)
        if attempt is not None and attempt.state not in FINISHED:
            if not attempt.pod_seen:
                self._make_pod(task, attempt)
            return False
        if task.retry_at is not None and task.retry_at > self.moment:
            self._wake_at(task.retry_at)
            return False
        if attempt is None and self._from_cache(task):
            return True
        self._new_attempt(task)
        return False

    def _claim(self, task: Task) -> bool:
        """Claims are made and removed by the server itself, as upstream's driver does."""
        if task.kind == TaskKind.CREATE_PVC:
            manifest = claims.build(task, self.settings)
            self.cluster.create_claim(manifest)
            task.outputs = {
                "parameters": {"name": manifest["metadata"]["name"]},
                "artifacts": {},
            }
        else:
            self.cluster.delete_claim(claims.name_to_delete(task))
        set_task_state(task, RunState.SUCCEEDED)
        return True

    def _from_cache(self, task: Task) -> bool:
        enabled, key = self.planner.may_cache(task)
        if not enabled:
            return False
        artifacts = steps.load_artifacts(self.session, [task.inputs])
        task.fingerprint = fingerprint(
            self.pipeline, task.component, task.inputs, artifacts, self._options(task).claims, key
        )
        found = self.session.scalar(
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

    def _new_attempt(self, task: Task) -> None:
        number = task.attempt_count + 1
        work_image = self._image(task)
        traits = self.session.get(ImageTrait, steps.uri_digest(work_image))
        container = self.pipeline.executor(task.component).container
        sidecar = not container.command or (traits is not None and traits.without_python)
        attempt = Attempt(
            task_id=task.id,
            run_id=self.run.id,
            number=number,
            pod_name=names.pod_name(task.name, task.id, number),
            mode="sidecar" if sidecar else "launcher",
            state=RunState.PENDING,
            pod_seen=False,
            created_at=self.moment,
            note="",
            error="",
            log_uri="",
        )
        seconds = self._options(task).deadline_seconds
        if seconds:
            attempt.deadline_at = self.moment + timedelta(seconds=seconds)
        task.attempt_count = number
        task.retry_at = None
        task.pod_name = attempt.pod_name
        self.session.add(attempt)
        self.session.flush()
        self.attempts[task.id] = attempt
        self._make_pod(task, attempt)

    def _image(self, task: Task) -> str:
        return str(self.pipeline.executor(task.component).container.image)

    def _options(self, task: Task) -> Any:
        graph = self.planner.tasks[str(task.parent_id)]
        siblings = self.planner.children.get(graph.id, {})
        return steps.kubernetes_options(self.pipeline, task, graph, siblings)

    def _make_pod(self, task: Task, attempt: Attempt) -> None:
        if attempt.pod_name in self._made:
            return
        self._made.add(attempt.pod_name)
        work = steps.build_work(self.session, self.settings, self.run, task, self.pipeline)
        workspace = claims.workspace(self.run, self.pipeline, self.settings)
        step = steps.StepPodFactory(self.settings).build(
            self.run,
            task,
            attempt,
            work,
            self._options(task),
            workspace["metadata"]["name"] if workspace else "",
        )
        trusted = self.settings.trusted_ca_config_map
        manifest = build_pod(
            step, self.settings, trusted_ca=bool(trusted) and self.cluster.has_config_map(trusted)
        )
        attempt_id, task_id = attempt.id, task.id

        def create() -> None:
            if workspace:
                self.cluster.create_claim(workspace)
            self.cluster.create_pod(manifest)

        def done(session: Session, _message: str) -> None:
            session.execute(
                sa.update(Attempt).where(Attempt.id == attempt_id).values(pod_seen=True)
            )

        def refused(session: Session, message: str) -> None:
            _refuse(session, attempt_id, task_id, message)

        self._wake_at(self.moment + timedelta(seconds=3))
        self.jobs.append(
            Job(f"create:{attempt.pod_name}", f"create {attempt.pod_name}", create, done, refused)
        )

    # -- the end -------------------------------------------------------------------------------

    def _finish(self) -> None:
        self._add_created()
        root = self.planner.root
        if root is not None and root.state in FINISHED:
            set_run_state(self.run, RunState(root.state), root.error)
            self.run.wake_at = None
            self._remove_workspace()
            return
        self.run.wake_at = self.wake

    def _remove_workspace(self) -> None:
        workspace = claims.workspace(self.run, self.pipeline, self.settings)
        if workspace:
            name = workspace["metadata"]["name"]
            self.jobs.append(
                Job(f"claim:{name}", f"delete {name}", lambda: self.cluster.delete_claim(name))
            )

    def _cancel(self) -> None:
        """Remove the pods, ended ones, too; the run is canceled when none is left."""
        asked = self.run.cancel_requested_at or self.moment
        run_id = self.run.id
        left = self.watcher.of_run(run_id)
        making = [
            attempt
            for attempt in self.attempts.values()
            if attempt.state not in FINISHED and not attempt.pod_seen
        ]
        late = self.moment - asked > CANCEL_FORCE
        if late:
            for pod in left:
                self._delete(pod["metadata"]["name"], 0)
        elif left or making:
            self.jobs.append(
                Job(
                    f"delete-run:{run_id}",
                    f"delete the pods of {run_id}",
                    lambda: self.cluster.delete_run(run_id),
                )
            )
        if (left or (making and not late)) and self.watcher.synced:
            self.run.wake_at = self.moment + timedelta(seconds=1)
            return
        self._cancel_tasks(self.planner.tasks.values())
        set_run_state(self.run, RunState.CANCELED)
        self._remove_workspace()
        self.run.wake_at = None

    def _cancel_tasks(self, tasks: Iterable[Task]) -> None:
        for task in tasks:
            if task.state in FINISHED:
                continue
            attempt = self.attempts.get(task.id)
            if attempt is not None and attempt.state not in FINISHED:
                self._end_attempt(attempt, RunState.CANCELED, "the run was terminated")
                uri = (attempt.report or {}).get("log_stored")
                attempt.log_uri = steps.log_uri(self.settings, attempt) if uri else ""
            set_task_state(task, RunState.CANCELED, "the run was terminated")


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


def _delay(policy: Any, tries: int) -> float:
    """Seconds before the next attempt: the back-off of the policy, with upstream's defaults."""
    first = policy.backoff_duration.seconds + policy.backoff_duration.nanos / 1e9
    factor = policy.backoff_factor or 2.0
    limit = policy.backoff_max_duration.seconds or BACKOFF_LIMIT
    return float(min(first * factor ** (tries - 1), limit))
