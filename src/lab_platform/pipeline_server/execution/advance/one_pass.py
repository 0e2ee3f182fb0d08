"""One pass over one run: settle what has ended, begin what may begin, within one transaction.

What has to happen in the cluster is left as jobs, done after the commit.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from ...database.models import FINISHED, Run, RunState
from ...ir.errors import PipelineError
from ...object_store import ObjectStore
from ...services.documents import PipelineCache
from ...settings import Settings
from ..cluster import Cluster, PodWatcher
from ..history import set_run_state
from .beginning import begin
from .jobs import Job
from .settling import settle
from .state import PassState
from .stopping import cancel, stop_if_overdue


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
        self._state = PassState(session, run, settings, pipelines, cluster, watcher, store)

    @property
    def jobs(self) -> list[Job]:
        """What is to be done in the cluster after the commit."""
        return self._state.jobs

    def go(self) -> None:
        """The whole pass."""
        state = self._state
        if state.run.state == RunState.CANCELING:
            cancel(state)
            return
        if stop_if_overdue(state):
            return
        if state.planner.root is None and not self._start():
            return
        if state.run.state == RunState.PENDING:
            set_run_state(state.run, RunState.RUNNING)
        settle(state)
        while state.planner.advance() or state.planner.created:
            state.add_created()
            if not begin(state):
                break
        begin(state)
        self._finish()

    def _start(self) -> bool:
        """Make the run's root; says whether the run could be started."""
        run = self._state.run
        try:
            self._state.planner.start()
        except PipelineError as error:
            set_run_state(run, RunState.FAILED, str(error))
            run.wake_at = None
            return False
        set_run_state(run, RunState.RUNNING)
        self._state.add_created()
        return True

    def _finish(self) -> None:
        """End the run with its root, or say when to look at it again."""
        state = self._state
        state.add_created()
        root = state.planner.root
        if root is not None and root.state in FINISHED:
            set_run_state(state.run, RunState(root.state), root.error)
            state.run.wake_at = None
            state.delete_workspace()
            return
        state.run.wake_at = state.wake
