"""Runs that cannot be driven: each ends with a reason, and holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from lab_ground.kubernetes.errors import ApiError
from pipeline_server.database.models import Attempt, Document, RunState
from pipeline_server.execution import engine as engines
from pipeline_server.execution.engine import Engine

from . import pipelines
from .world import World

Ir = Callable[[Any], dict[str, Any]]
UNREACHABLE = ApiError(0, "Unreachable", "no route")


@pytest.fixture
def engine(world: World) -> Engine:
    return world.engine()


def break_passes(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, run_id: str, error: Exception
) -> list[str]:
    """Let every pass over one run fail; gives the list of those that are tried."""
    real, tried = engine._advance, []

    def advance(other: str) -> None:
        tried.append(other)
        if other == run_id:
            raise error
        real(other)

    monkeypatch.setattr(engine, "_advance", advance)
    return tried


@pytest.mark.parametrize(
    "error",
    [
        DataError("INSERT INTO tasks", {}, Exception("Data too long for column 'name'")),
        IntegrityError("INSERT INTO tasks", {}, Exception("Duplicate entry")),
        OperationalError("INSERT INTO tasks", {}, Exception("Row size too large")),
        ZeroDivisionError("a mistake"),
    ],
)
def test_one_run_s_fault_is_its_own(
    world: World, ir: Ir, engine: Engine, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    broken, sound = (world.start(ir(pipelines.two_steps)) for _ in range(2))
    break_passes(engine, monkeypatch, broken, error)
    engine._turn()
    assert world.run(sound).state == RunState.RUNNING
    assert world.run(broken).state == RunState.PENDING, "it is tried again"


def test_a_run_that_cannot_go_on_is_given_up(
    world: World, ir: Ir, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    break_passes(engine, monkeypatch, run_id, ZeroDivisionError("half \ud800"))
    for _ in range(engines.TRIES):
        assert world.run(run_id).state == RunState.RUNNING
        engine._guarded(run_id)
    ended = world.run(run_id)
    assert (ended.state, ended.wake_at) == (RunState.FAILED, None)
    assert "cannot go on with this run: ZeroDivisionError: half" in ended.error
    assert {task.state for task in ended.tasks} == {RunState.FAILED}
    assert world.cluster.pods == {}
    with world.services.database.session() as session:
        assert set(session.scalars(sa.select(Attempt.state))) == {RunState.FAILED}


def test_tries_are_counted_anew_after_a_good_pass(
    world: World, ir: Ir, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    for _ in range(3):
        with monkeypatch.context() as patch:
            break_passes(engine, patch, run_id, ZeroDivisionError())
            for _ in range(engines.TRIES - 1):
                engine._guarded(run_id)
        engine._guarded(run_id)
    assert world.run(run_id).state == RunState.RUNNING


def test_a_cluster_that_does_not_answer_is_no_fault_of_the_run(
    world: World, ir: Ir, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    break_passes(engine, monkeypatch, run_id, UNREACHABLE)
    for _ in range(3 * engines.TRIES):
        engine._guarded(run_id)
    assert world.run(run_id).state == RunState.PENDING


def test_no_run_is_given_up_while_its_pods_cannot_be_removed(
    world: World, ir: Ir, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    break_passes(engine, monkeypatch, run_id, ZeroDivisionError())

    def refuse(_run_id: str) -> None:
        raise UNREACHABLE

    with monkeypatch.context() as patch:
        patch.setattr(world.cluster, "delete_run", refuse)
        for _ in range(engines.TRIES + 1):
            engine._guarded(run_id)
    assert world.run(run_id).state == RunState.PENDING
    engine._guarded(run_id)
    assert world.run(run_id).state == RunState.FAILED


def test_a_database_that_is_away_ends_the_turn(
    world: World, ir: Ir, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    gone = OperationalError("SELECT", {}, Exception("server has gone away"))
    break_passes(engine, monkeypatch, run_id, gone)
    monkeypatch.setattr(world.services.database, "answers", lambda: False)
    with pytest.raises(OperationalError):
        engine._guarded(run_id)


def test_a_pipeline_that_is_refused_by_now(world: World, ir: Ir, engine: Engine) -> None:
    """Stored by an earlier version: the run ends at once, and its pods are cleaned up later."""
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    with world.services.database.session() as session:
        row = session.scalar(sa.select(Document))
        assert row is not None
        tasks = row.content["pipeline_spec"]["root"]["dag"]["tasks"]
        tasks["t" * 256] = tasks.pop("add-2")
        session.execute(sa.update(Document).values(content=row.content))
    engine._pipelines._pipelines.clear()
    engine._guarded(run_id)
    ended = world.run(run_id)
    assert ended.state == RunState.FAILED
    assert "the name of a task has 256 characters" in ended.error
    engine._clean()


def test_a_broken_scheduler_stops_no_run(
    world: World, ir: Ir, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.start(ir(pipelines.two_steps))

    def broken() -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setattr(engine._scheduler, "tick", broken)
    engine._turn()
    assert world.run(run_id).state == RunState.RUNNING
