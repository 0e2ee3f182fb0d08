"""One pass over one run: settle what has ended, begin what may begin, within one transaction.

What has to happen in the cluster is left as jobs, done after the commit.
"""

from __future__ import annotations

from pipeline_server.database.history import set_run_state
from pipeline_server.database.models import FINISHED, RunState
from pipeline_server.execution.advance.beginning import begin
from pipeline_server.execution.advance.jobs import Job
from pipeline_server.execution.advance.settling import settle
from pipeline_server.execution.advance.state import PassState
from pipeline_server.execution.advance.stopping import cancel, stop_if_overdue
from pipeline_server.ir.errors import PipelineError


def advance(state: PassState) -> list[Job]:
    """Take a run as far as it goes now; returns what is to be done in the cluster."""
    if state.run.state == RunState.CANCELING:
        cancel(state)
    elif not stop_if_overdue(state) and (state.planner.root is not None or _start(state)):
        _go_on(state)
        _finish(state)
    return state.jobs


def _start(state: PassState) -> bool:
    """Make the run's root; says whether the run could be started."""
    try:
        state.planner.start()
    except PipelineError as error:
        set_run_state(state.run, RunState.FAILED, str(error))
        state.run.wake_at = None
        return False
    set_run_state(state.run, RunState.RUNNING)
    state.add_created()
    return True


def _go_on(state: PassState) -> None:
    if state.run.state == RunState.PENDING:
        set_run_state(state.run, RunState.RUNNING)
    settle(state)
    ended = True
    while ended:
        state.planner.advance()
        state.add_created()
        ended = begin(state)


def _finish(state: PassState) -> None:
    """End the run with its root, or say when to look at it again."""
    state.add_created()
    root = state.planner.root
    if root is not None and root.state in FINISHED:
        set_run_state(state.run, RunState(root.state), root.error)
        state.run.wake_at = None
        state.delete_workspace()
        return
    state.run.wake_at = state.wake
