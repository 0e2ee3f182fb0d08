"""The engine over a real database and a cluster of the test's own: crashes, retries, leadership.

The cluster only keeps what it was told; pods end as the test says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline_server.database.connection import Database
from pipeline_server.database.models import Lease, Run, RunState, Task, now
from pipeline_server.errors import InvalidArgumentError
from pipeline_server.execution.leadership import Leadership
from pipeline_server.execution.scheduler import Scheduler
from pipeline_server.services.collection import Services
from pipeline_server.services.recurring_runs import NewRecurringRun, Schedule
from pipeline_server.services.runs import NewRun

from . import pipelines
from .world import World

Ir = Callable[[Any], dict[str, Any]]


def test_a_run_from_its_beginning_to_its_end(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps), n=4)
    world.turn(run_id)
    [first] = world.cluster.created
    world.report(first, Output=5)
    world.turn(run_id)
    second = world.cluster.created[-1]
    world.report(second, Output=6)
    world.turn(run_id)
    done = world.run(run_id)
    assert done.state == RunState.SUCCEEDED
    assert [entry["state"] for entry in done.state_history] == ["PENDING", "RUNNING", "SUCCEEDED"]
    assert len(world.cluster.created) == 2


def test_killed_before_the_pod_was_made(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id, do=False)
    assert world.cluster.created == []
    world.turn(run_id)
    world.turn(run_id)
    assert len(world.cluster.pods) == 1
    assert world.task(run_id, "root/add").attempt_count == 1


def test_killed_after_the_pod_was_made_and_before_that_was_written(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    for job in world.turn(run_id, do=False):
        job.action()
    world.turn(run_id)
    assert len(world.cluster.pods) == 1, "the same name is the same pod"


def test_a_pod_that_vanished(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    world.cluster.pods.clear()
    world.turn(run_id)
    failed = world.run(run_id)
    assert failed.state == RunState.FAILED
    assert "pod is gone" in failed.error


def test_a_container_that_ended_without_a_report(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    world.cluster.end(world.cluster.created[0], 137, "OOMKilled")
    world.turn(run_id)
    assert "more memory than its limit" in world.run(run_id).error


def test_attempts_wait_longer_each_time(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.retried))
    delays = []
    for number in (1, 2, 3):
        world.turn(run_id)
        name = world.cluster.created[-1]
        assert name.endswith(f"-{number}")
        world.report(name, code=1)
        world.turn(run_id)
        task = world.task(run_id, "root/say")
        if task.retry_at is not None:
            delays.append(round((task.retry_at - now()).total_seconds()))
            with world.services.database.session() as session:
                session.execute(sa.update(Task).values(retry_at=now() - timedelta(seconds=1)))
    assert delays == [10, 20]
    assert world.run(run_id).state == RunState.FAILED


def test_an_image_without_python_gets_helpers(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    name = world.cluster.created[0]
    world.cluster.end(name, 128, "StartError")
    status = world.cluster.pods[name]["status"]["containerStatuses"][0]["state"]["terminated"]
    status["message"] = 'exec: "python3": executable file not found in $PATH'
    world.turn(run_id)
    assert list(world.cluster.pods) == [f"{name}-s"]
    assert "initContainers" in world.cluster.pods[f"{name}-s"]["spec"]
    other = world.start(ir(pipelines.two_steps), n=9)
    world.turn(other)
    assert "initContainers" in list(world.cluster.pods.values())[-1]["spec"], "it was learnt"


def test_outputs_that_are_not_of_their_type(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    world.report(world.cluster.created[0], Output="many")
    world.turn(run_id)
    assert "'Output' must be an integer" in world.run(run_id).error


def test_a_canceled_run_leaves_no_pods(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    world.services.runs.terminate(run_id)
    world.turn(run_id)
    world.turn(run_id)
    ended = world.run(run_id)
    assert world.cluster.pods == {}
    assert (ended.state, {task.state for task in ended.tasks}) == ("CANCELED", {"CANCELED"})
    world.services.runs.retry(run_id)
    world.turn(run_id)
    assert world.cluster.created[-1].endswith("-2")


def test_the_cache_gives_outputs_without_a_pod(world: World, ir: Ir) -> None:
    document = ir(pipelines.two_steps)
    first = world.start(document, n=1)
    for output in (2, 3):
        world.turn(first)
        world.report(world.cluster.created[-1], Output=output)
    world.turn(first)
    second = world.start(document, n=1)
    world.turn(second)
    assert world.run(second).state == RunState.SUCCEEDED
    assert len(world.cluster.created) == 2
    assert world.task(second, "root/add-2").cached_from_id == world.task(first, "root/add-2").id


@pytest.mark.parametrize(
    ("state", "age", "stays"),
    [
        (RunState.SUCCEEDED, 50, True),
        (RunState.SUCCEEDED, 70, False),
        (RunState.FAILED, 70, True),
        (RunState.FAILED, 130, False),
        (RunState.RUNNING, 1000, True),
    ],
)
def test_pods_are_kept_as_long_as_the_author_says(
    world: World, ir: Ir, state: RunState, age: int, stays: bool
) -> None:
    run_id = world.start(ir(pipelines.kept_for_minutes))
    world.turn(run_id)
    with world.services.database.session() as session:
        finished = now() - timedelta(seconds=age)
        session.execute(sa.update(Run).values(state=state, finished_at=finished))
    world.engine()._clean()
    assert bool(world.cluster.pods) == stays


def test_one_replica_leads_until_its_lease_lapses(database: Database) -> None:
    one, other = Leadership(database, "one"), Leadership(database, "other")
    assert (one.hold(), other.hold()) == (True, False)
    with database.session() as session:
        session.execute(sa.update(Lease).values(expires_at=now() - timedelta(seconds=1)))
    assert other.hold()
    other.release()
    assert Leadership(database, "third").hold()


def test_a_schedule_starts_one_run_a_moment(services: Services, ir: Ir) -> None:
    document = ir(pipelines.two_steps)
    made = services.recurring_runs.create(
        NewRecurringRun(NewRun(display_name="r", spec=document), Schedule(interval_seconds=60))
    )
    with services.database.session() as session:
        row = session.get(type(made), made.id)
        assert row is not None
        row.next_tick_at = now() - timedelta(seconds=150)
    counts = []
    for _ in range(3):
        Scheduler(services.database, services.pipeline_cache).tick()
        with services.database.session() as session:
            counts.append(session.scalar(sa.select(sa.func.count()).select_from(Run)))
    assert counts == [1, 1, 1], "max_concurrency is 1, and the first run has not ended"
    with services.database.session() as session:
        session.execute(sa.update(Run).values(state=RunState.SUCCEEDED))
    Scheduler(services.database, services.pipeline_cache).tick()
    with services.database.session() as session:
        moments = list(session.scalars(sa.select(Run.tick_at).order_by(Run.tick_at)))
    assert len(moments) == 2
    assert len(set(moments)) == 2, "missed moments are caught up, each once"


def test_limits_that_are_parameters(world: World, ir: Any) -> None:
    """The SDK gives the step inputs that its component does not have."""
    run_id = world.start(ir(pipelines.limited))
    world.turn(run_id)
    (first,) = world.cluster.created
    world.report(first, Output="1")
    world.turn(run_id)
    container = world.cluster.pods[world.cluster.created[-1]]["spec"]["containers"][0]
    assert container["resources"] == {
        "limits": {"cpu": "2", "memory": "2Gi", "example.com/gpu": "1"},
        "requests": {"cpu": "1", "memory": "2", "example.com/gpu": "1"},
    }


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"parallel_steps_run": 2}, "the limit of a run"),
        ({"parallel_steps_seat": 3}, "the limit of a project"),
    ],
)
def test_steps_beyond_the_limit_wait(
    world: World, ir: Any, limits: dict[str, int], words: str
) -> None:
    """Of a loop over 500 items no more pods are made than may be at once."""
    object.__setattr__(world.services, "settings", replace(world.services.settings, **limits))
    run_id = world.start(ir(pipelines.wide))
    world.turn(run_id)
    (allowed,) = limits.values()
    assert len(world.cluster.created) == allowed
    waiting = [task for task in world.run(run_id).tasks if words in task.note]
    assert waiting
    world.report(world.cluster.created[0], Output=1)
    world.turn(run_id)
    assert len(world.cluster.created) == allowed + 1, "the next has its place"


def test_a_model_in_an_image_is_refused_before_the_run(world: World, ir: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="a model car"):
        world.start(ir(pipelines.model_car))
    run_id = world.start(ir(pipelines.given_car), uri="oci://registry/model:1")
    world.turn(run_id)
    assert "a model car" in world.run(run_id).error
