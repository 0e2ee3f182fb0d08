"""What one pass knows of its run, and what it has decided so far."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from pipeline_server.database.models import FINISHED, GRAPHS, Attempt, Run, RunState, Task, now
from pipeline_server.execution import claims, steps
from pipeline_server.execution.advance.jobs import Job
from pipeline_server.execution.cluster import STOP_SECONDS, Cluster, PodWatcher
from pipeline_server.execution.planner import Planner
from pipeline_server.execution.pods import KubernetesOptions
from pipeline_server.object_store import ObjectStore
from pipeline_server.services.documents import PipelineCache
from pipeline_server.settings import Settings

HEARTBEAT = timedelta(seconds=20)


class PassState:
    """One run as it is at one moment; jobs and the next moment to look gather in it."""

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
        self.made: set[str] = set()
        # Why no further step may have a pod in this pass; asked until it is so.
        self.full = ""
        self.moment = now()
        self.wake: datetime = self.moment + HEARTBEAT
        session.refresh(run, ["document", "tasks"])
        self.pipeline = pipelines.get(run.document_digest, run.document.content)
        self.planner = Planner.of(run, self.pipeline, run.tasks)
        self.attempts = self._load_attempts()

    def _load_attempts(self) -> dict[str, Attempt]:
        """The last attempt of every step."""
        statement = sa.select(Attempt).where(Attempt.run_id == self.run.id)
        rows = self.session.scalars(statement.order_by(Attempt.number))
        return {row.task_id: row for row in rows}

    # -- what there is -------------------------------------------------------------------------

    def open_steps(self) -> list[Task]:
        """The steps that have not ended."""
        return [
            task
            for task in self.planner.tasks.values()
            if task.kind not in GRAPHS and task.state not in FINISHED
        ]

    def open_attempt(self, task: Task) -> Attempt | None:
        """The attempt of a step that is under way, if one is."""
        attempt = self.attempts.get(task.id)
        return None if attempt is None or attempt.state in FINISHED else attempt

    def image(self, task: Task) -> str:
        """The image that a step runs in."""
        return str(self.pipeline.executor(task.component).container.image)

    def options(self, task: Task) -> KubernetesOptions:
        """What a step asks of Kubernetes."""
        graph = self.planner.tasks[str(task.parent_id)]
        siblings = self.planner.children.get(graph.id, {})
        return steps.kubernetes_options(self.pipeline, task, graph, siblings)

    # -- what is decided -----------------------------------------------------------------------

    def add_created(self) -> None:
        """Write the tasks that the planner has made."""
        self.session.add_all(self.planner.created)
        self.planner.created.clear()
        self.session.flush()

    def wake_at(self, moment: datetime | None) -> None:
        """Look at the run again at this moment, at the latest."""
        if moment is not None:
            self.wake = min(self.wake, moment)

    def end_attempt(self, attempt: Attempt, state: RunState, message: str) -> None:
        """An attempt is over."""
        attempt.state = state
        attempt.error = message
        attempt.note = ""
        attempt.finished_at = self.moment
        task = self.planner.tasks.get(attempt.task_id)
        if task is not None:
            task.note = ""

    def delete_pod(self, name: str, grace: int = STOP_SECONDS) -> None:
        """Have a pod removed."""
        self.jobs.append(
            Job(f"delete:{name}", f"delete {name}", lambda: self.cluster.delete_pod(name, grace))
        )

    def delete_workspace(self) -> None:
        """Have the claim removed that the run's steps shared, if there is one."""
        workspace = claims.workspace(self.run, self.pipeline, self.settings)
        if workspace:
            name = workspace["metadata"]["name"]
            self.jobs.append(
                Job(f"claim:{name}", f"delete {name}", lambda: self.cluster.delete_claim(name))
            )
