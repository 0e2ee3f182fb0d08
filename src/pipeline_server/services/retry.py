"""Running again what failed, and what came after it; all that succeeded stays."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import Session

from pipeline_server.database import history
from pipeline_server.database.models import GRAPHS, Run, RunState, Task, TaskKind, now
from pipeline_server.ir.graph import upstream_tasks
from pipeline_server.ir.pipeline import PipelineIR


def broken(task: Task) -> bool:
    """Whether a task has to run again by itself."""
    if task.state in {RunState.FAILED, RunState.CANCELED, RunState.CANCELING}:
        return True
    if task.state in {RunState.PENDING, RunState.RUNNING}:
        return True
    return task.state == RunState.SKIPPED and task.skip_reason == "upstream"


def plan(tasks: Iterable[Task], pipeline: PipelineIR) -> tuple[set[str], set[str]]:
    """Ids of the tasks to forget, and of those to run again in place.

    What comes after a broken task is forgotten with all that is in it, also where it succeeded:
    an exit task has to see the new outcome.
    """
    rows = list(tasks)
    children: dict[str, list[Task]] = {}
    for task in rows:
        if task.parent_id:
            children.setdefault(task.parent_id, []).append(task)
    forget: set[str] = set()
    again: set[str] = set()

    def forget_all(task: Task) -> None:
        forget.add(task.id)
        for child in children.get(task.id, []):
            forget_all(child)

    def visit(graph: Task) -> None:
        again.add(graph.id)
        inside = children.get(graph.id, [])
        if graph.kind == TaskKind.LOOP:
            for child in inside:
                if broken(child):
                    visit_child(child)
            return
        dag = pipeline.component(graph.component).dag
        stale = {child.name for child in inside if broken(child)}
        grown = True
        while grown:
            after = {
                child.name
                for child in inside
                if child.name not in stale and upstream_tasks(dag.tasks[child.name]) & stale
            }
            stale |= after
            grown = bool(after)
        for child in inside:
            if broken(child):
                visit_child(child)
            elif child.name in stale:
                forget_all(child)

    def visit_child(child: Task) -> None:
        if child.state == RunState.SKIPPED:
            forget_all(child)
        elif child.kind in GRAPHS:
            visit(child)
        else:
            again.add(child.id)

    for task in rows:
        if task.parent_id is None:
            visit(task)
    return forget, again


def reset(session: Session, run: Run, pipeline: PipelineIR) -> None:
    """Bring a finished run to where its failed part runs again."""
    forget, again = plan(run.tasks, pipeline)
    if forget:
        session.execute(sa.delete(Task).where(Task.id.in_(forget)))
    for task in run.tasks:
        if task.id in again:
            graph = task.kind in GRAPHS
            task.outputs = {}
            task.retry_at = None
            task.attempt_base = task.attempt_count
            task.fingerprint = None
            history.set_task_state(task, RunState.RUNNING if graph else RunState.PENDING)
    run.cancel_requested_at = None
    history.set_run_state(run, RunState.RUNNING if run.tasks else RunState.PENDING)
    run.wake_at = now()
