"""Steps that could never end well: each ends its run with a sentence, and none waits for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from lab_ground.kubernetes.errors import ApiError
from pipeline_launcher import launcher
from pipeline_server.api.application import create_application
from pipeline_server.database.models import Attempt, RunState, Task, now
from pipeline_server.execution import pods, steps

from . import pipelines
from .world import World

Ir = Callable[[Any], dict[str, Any]]


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
    with world.services.database.session() as session:
        attempt_id = session.scalar(sa.select(Attempt.id).where(Attempt.pod_name == pod_name))
    assert attempt_id is not None
    token = steps.step_token(world.services.settings, attempt_id)
    whole = {"parameters": {}, "values": {}, "artifacts": [], **outputs}
    with TestClient(create_application(world.services)) as api:
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
