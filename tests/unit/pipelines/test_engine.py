"""The engine over a real database and a cluster of the test's own: crashes, retries, leadership.

The cluster only keeps what it was told; pods end as the test says.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from lab_platform.pipeline_server.database.connection import Database
from lab_platform.pipeline_server.database.models import Attempt, Lease, Run, RunState, Task, now
from lab_platform.pipeline_server.execution.advance.jobs import Job
from lab_platform.pipeline_server.execution.advance.one_pass import advance
from lab_platform.pipeline_server.execution.advance.state import PassState
from lab_platform.pipeline_server.execution.engine import Engine
from lab_platform.pipeline_server.execution.leadership import Leadership
from lab_platform.pipeline_server.execution.scheduler import Scheduler
from lab_platform.pipeline_server.ir import package
from lab_platform.pipeline_server.services.collection import Services
from lab_platform.pipeline_server.services.recurring_runs import NewRecurringRun
from lab_platform.pipeline_server.services.runs import NewRun

from . import pipelines


class Cluster:
    """Pods by name, as the API server would keep them; also the watcher over them."""

    synced = True

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.created: list[str] = []

    def create_pod(self, manifest: dict[str, Any]) -> None:
        name = manifest["metadata"]["name"]
        self.created.append(name)
        self.pods.setdefault(name, {**manifest, "status": {"phase": "Pending"}})

    def delete_pod(self, name: str, grace_seconds: int | None = None) -> None:
        self.pods.pop(name, None)

    def delete_run(self, run_id: str) -> None:
        self.pods.clear()

    def get(self, name: str) -> dict[str, Any] | None:
        return self.pods.get(name)

    get_pod = get

    def of_run(self, run_id: str) -> list[dict[str, Any]]:
        return list(self.pods.values())

    def run_ids(self) -> set[str]:
        return {
            pod["metadata"]["labels"]["pipelines.kubeflow.org/run-id"] for pod in self.pods.values()
        }

    def has_config_map(self, name: str) -> bool:
        return False

    def read_log(self, pod_name: str, container: str = "main") -> bytes | None:
        return None

    def end(self, name: str, code: int, reason: str = "Error") -> None:
        state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": "now"}}
        self.pods[name]["status"] = {
            "phase": "Succeeded" if code == 0 else "Failed",
            "containerStatuses": [{"name": "main", "state": state}],
        }


class World:
    """One server's engine, pass by pass."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.cluster = Cluster()

    def start(self, document: dict[str, Any], **parameters: Any) -> str:
        wanted = NewRun(spec=document, runtime_config={"parameters": parameters})
        return self.services.runs.create(wanted).id

    def turn(self, run_id: str, *, do: bool = True) -> list[Job]:
        """One pass; without ``do`` the server is killed before it does what it decided."""

        def work(session: Any) -> list[Job]:
            run = session.get(Run, run_id)
            return advance(
                PassState(
                    session,
                    run,
                    self.services.settings,
                    self.services.pipeline_cache,
                    self.cluster,  # type: ignore[arg-type]
                    self.cluster,  # type: ignore[arg-type]
                    self.services.store,
                )
            )

        jobs = self.services.database.retrying(work)
        for job in jobs if do else []:
            if job.key.startswith("log:"):
                continue
            job.action()
            if job.done is not None:
                done = job.done
                self.services.database.retrying(lambda session, done=done: done(session, ""))
        return jobs

    def report(self, pod_name: str, code: int = 0, **values: Any) -> None:
        """The launcher's report of the pod's attempt."""
        with self.services.database.session() as session:
            attempt = session.scalar(sa.select(Attempt).where(Attempt.pod_name == pod_name))
            assert attempt is not None
            attempt.report = {
                "exit_code": code,
                "message": f"exit code {code}" if code else "",
                "log_stored": True,
                "outputs": {"parameters": {}, "values": values, "artifacts": []},
            }
        self.cluster.end(pod_name, code)

    def run(self, run_id: str) -> Run:
        return self.services.runs.get(run_id)

    def task(self, run_id: str, path: str) -> Task:
        return next(task for task in self.run(run_id).tasks if task.path == path)


@pytest.fixture
def world(services: Services) -> World:
    return World(services)


@pytest.fixture
def ir(compile_pipeline: Callable[[Any], bytes]) -> Callable[[Any], dict[str, Any]]:
    return lambda pipeline: package.read_package(compile_pipeline(pipeline))


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
    services = world.services
    engine = Engine(
        services.settings,
        services.database,
        services.store,
        world.cluster,  # type: ignore[arg-type]
        services.pipeline_cache,
    )
    engine._watcher = world.cluster  # type: ignore[assignment]
    engine._clean()
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
        NewRecurringRun(NewRun(display_name="r", spec=document), interval_seconds=60)
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
