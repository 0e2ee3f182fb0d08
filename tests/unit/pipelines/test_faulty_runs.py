"""Runs and schedules that cannot be driven: each ends with a reason, and holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from lab_platform.kubernetes.errors import ApiError
from lab_platform.pipeline_server.database.models import (
    Attempt,
    Document,
    RecurringRun,
    Run,
    RunState,
    Task,
    now,
)
from lab_platform.pipeline_server.execution import engine as engines
from lab_platform.pipeline_server.execution import pods, steps
from lab_platform.pipeline_server.execution.engine import Engine
from lab_platform.pipeline_server.execution.scheduler import Scheduler
from lab_platform.pipeline_server.launcher import launcher
from lab_platform.pipeline_server.services.collection import Services
from lab_platform.pipeline_server.services.recurring_runs import NewRecurringRun
from lab_platform.pipeline_server.services.runs import NewRun

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


# -- schedules ---------------------------------------------------------------------------------


def recurring(services: Services, document: dict[str, Any], **changes: Any) -> str:
    """A recurring run that is due, as an earlier version of the server may have stored it."""
    made = services.recurring_runs.create(
        NewRecurringRun(NewRun(display_name="r", spec=document), interval_seconds=60)
    )
    with services.database.session() as session:
        values = {"next_tick_at": now() - timedelta(seconds=5), **changes}
        session.execute(sa.update(RecurringRun).where(RecurringRun.id == made.id).values(**values))
    return made.id


@pytest.mark.parametrize(
    ("changes", "enabled"),
    [
        ({"runtime_config": {"parameters": {"n": "[[ScheduledTime.\ud800]]"}}}, True),
        ({"runtime_config": {"parameters": [1]}}, True),
        ({"interval_seconds": 10**15}, False),
        ({"interval_seconds": 10**15, "runtime_config": {"parameters": [1]}}, False),
    ],
)
def test_one_schedule_s_fault_is_its_own(
    services: Services, ir: Ir, changes: dict[str, Any], enabled: bool
) -> None:
    document = ir(pipelines.two_steps)
    broken = recurring(services, document, **changes)
    sound = recurring(services, document)
    Scheduler(services.database, services.pipeline_cache).tick()
    with services.database.session() as session:
        assert list(session.scalars(sa.select(Run.recurring_run_id))) == [sound]
    row = services.recurring_runs.get(broken)
    assert row.error
    assert row.enabled is enabled
    assert row.next_tick_at is None or row.next_tick_at > now()


def test_a_broken_scheduler_stops_no_run(
    world: World, ir: Ir, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = world.start(ir(pipelines.two_steps))

    def broken() -> None:
        raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")

    monkeypatch.setattr(engine._scheduler, "tick", broken)
    engine._turn()
    assert world.run(run_id).state == RunState.RUNNING


# -- what steps and pipelines can say ------------------------------------------------------------


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"values": {"Output": float("nan")}}, "values.Output is nan"),
        ({"values": {"Output": 10**400}}, "more than 64 bits"),
        ({"parameters": {"Output": "NaN"}}, "parameter 'Output' is nan"),
        ({"parameters": {"Output": "1" + "0" * 400}}, "parameter 'Output' is an integer"),
        (
            {
                "values": {"Output": 0.5},
                "artifacts": [{"name": "metrics", "metadata": {"loss": float("nan")}}],
            },
            "metadata.loss is nan",
        ),
    ],
)
def test_a_training_that_went_astray(
    world: World, ir: Ir, outputs: dict[str, Any], words: str
) -> None:
    run_id = world.start(ir(pipelines.trained))
    world.turn(run_id)
    complete(world, world.cluster.created[0], outputs)
    world.turn(run_id)
    ended = world.run(run_id)
    assert ended.state == RunState.FAILED
    assert words in ended.error


def complete(world: World, pod_name: str, outputs: dict[str, Any]) -> None:
    """The launcher's report, written as Python writes it."""
    import json

    from lab_platform.pipeline_server.api.application import create_application

    with world.services.database.session() as session:
        attempt_id = session.scalar(sa.select(Attempt.id).where(Attempt.pod_name == pod_name))
    assert attempt_id is not None
    token = steps.step_token(world.services.settings, attempt_id)
    whole = {"parameters": {}, "values": {}, "artifacts": [], **outputs}
    with TestClient(create_application(world.services, page=False)) as api:
        reply = api.post(
            f"/internal/steps/{attempt_id}/complete",
            content=json.dumps({"exit_code": 0, "outputs": whole}),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
    assert reply.status_code == 200, reply.text


def test_a_claim_that_the_cluster_refuses(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.claimed), size="banana")
    world.cluster.refusal = ApiError(422, "Invalid", "quantities must match the regular expression")
    world.turn(run_id)
    ended = world.run(run_id)
    assert ended.state == RunState.FAILED
    assert "the cluster refused the claim: quantities must match" in ended.error


def test_a_claim_beyond_the_quota_waits(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.claimed))
    world.cluster.refusal = ApiError(403, "Forbidden", "exceeded quota: storage")
    world.turn(run_id)
    assert world.task(run_id, "root/createpvc").note == "exceeded quota: storage"
    world.cluster.refusal = None
    world.turn(run_id)
    assert world.run(run_id).state == RunState.SUCCEEDED


def test_a_back_off_beyond_all_numbers(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.patient))
    for expected in (10, 60, 60):
        world.turn(run_id)
        world.report(world.cluster.created[-1], code=1)
        world.turn(run_id)
        task = world.task(run_id, "root/say")
        assert task.retry_at is not None
        assert round((task.retry_at - now()).total_seconds()) == expected
        with world.services.database.session() as session:
            session.execute(sa.update(Task).values(retry_at=now() - timedelta(seconds=1)))


def test_a_run_is_not_canceled_while_its_pods_are_unknown(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    world.services.runs.terminate(run_id)
    world.cluster.synced = False
    listed = world.cluster.of_run
    world.cluster.of_run = lambda _run_id: []  # type: ignore[method-assign]
    world.turn(run_id, do=False)
    waiting = world.run(run_id)
    assert waiting.state == RunState.CANCELING
    assert waiting.wake_at is not None
    assert timedelta(0) < waiting.wake_at - now() <= timedelta(seconds=1)
    world.cluster.synced, world.cluster.of_run = True, listed  # type: ignore[method-assign]
    world.turn(run_id)
    world.turn(run_id)
    assert world.run(run_id).state == RunState.CANCELED
    assert world.cluster.pods == {}


def age(world: World, seconds: int) -> None:
    with world.services.database.session() as session:
        session.execute(sa.update(Attempt).values(created_at=now() - timedelta(seconds=seconds)))


def test_a_volume_that_is_not_there(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.with_secret))
    world.turn(run_id)
    [name] = world.cluster.created
    creating = {"waiting": {"reason": "ContainerCreating"}}
    world.cluster.pods[name]["status"] = {
        "phase": "Pending",
        "containerStatuses": [{"name": "main", "state": creating}],
    }
    message = 'MountVolume.SetUp failed for volume "volume-0" : secret "absent" not found'
    world.cluster.warnings[name] = ("FailedMount", message)
    for seconds, note in ((10, "ContainerCreating"), (40, f"FailedMount: {message}")):
        age(world, seconds)
        world.turn(run_id)
        assert world.task(run_id, "root/say").note == note
    age(world, 130)
    world.turn(run_id)
    ended = world.run(run_id)
    assert ended.state == RunState.FAILED
    assert f"the pod cannot start: FailedMount: {message}" in ended.error
    assert world.cluster.pods == {}


def test_a_slow_start_is_waited_for(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    [name] = world.cluster.created
    for warning in (None, ("FailedCreatePodSandBox", "the network is not ready")):
        if warning:
            world.cluster.warnings[name] = warning
        age(world, 3000)
        world.turn(run_id)
        assert world.run(run_id).state == RunState.RUNNING


def test_helpers_have_the_time_to_store_what_was_made(world: World, ir: Ir) -> None:
    run_id = world.start(ir(pipelines.two_steps))
    world.turn(run_id)
    name = world.cluster.created[0]
    assert world.cluster.pods[name]["spec"]["terminationGracePeriodSeconds"] == pods.GRACE_SECONDS
    world.cluster.end(name, 128, "StartError")
    status = world.cluster.pods[name]["status"]["containerStatuses"][0]["state"]["terminated"]
    status["message"] = 'exec: "python3": executable file not found in $PATH'
    world.turn(run_id)
    grace = world.cluster.pods[f"{name}-s"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= launcher.STORE_PATIENCE
