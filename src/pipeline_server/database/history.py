"""Changing states, with the history that the API shows."""

from __future__ import annotations

from typing import Any

from pipeline_server.database.models import FINISHED, Run, RunState, Task, now


def _entry(state: str, error: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"update_time": now().isoformat(), "state": str(state)}
    if error:
        entry["error"] = error
    return entry


def set_run_state(run: Run, state: RunState, error: str = "") -> None:
    """Move a run on; a finished one gets its time."""
    run.state = state
    run.error = error
    run.state_history = [*(run.state_history or []), _entry(state, error)]
    run.finished_at = now() if state in FINISHED else None


def set_task_state(task: Task, state: RunState, error: str = "") -> None:
    """Move a task on; a started one and a finished one get their times."""
    task.state = state
    task.error = error
    task.state_history = [*(task.state_history or []), _entry(state, error)]
    if state == RunState.RUNNING and task.started_at is None:
        task.started_at = now()
    task.finished_at = now() if state in FINISHED else None
