"""The page on the server's own services: a real database, and an object store in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from pipeline_server.database import models
from pipeline_server.database.connection import Database
from pipeline_server.errors import NotFoundError
from pipeline_server.object_store import StoredObject
from pipeline_server.services.collection import Services
from pipeline_server.services.recurring_runs import NewRecurringRun
from pipeline_server.services.runs import NewRun as NewServerRun
from pipeline_server.settings import Settings
from pipeline_server.web.application import create_page
from pipeline_server.web.graph import steps_of, walk
from pipeline_server.web.server_source import ServerSource
from pipeline_server.web.source import PageError
from pipeline_server.web.view_models import NewRun, RunFilter, Schedule, State

from . import sample_pipelines


class MemoryStore:
    """An object store in memory."""

    bucket = "rhods"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def open(self, uri: str) -> tuple[Iterator[bytes], int]:
        if uri not in self.objects:
            raise NotFoundError(f"the object store has no {uri}")
        return iter([self.objects[uri]]), len(self.objects[uri])

    def list(self, uri: str, limit: int = 100) -> list[StoredObject]:
        keys = [key for key in self.objects if key.startswith(uri)]
        return [
            StoredObject("rhods", key.removeprefix("s3://rhods/"), len(self.objects[key]))
            for key in keys[:limit]
        ]


class NoPods:
    """No pod lives."""

    def read_log(self, pod_name: str, container: str = "main") -> bytes | None:
        return b"hello from the pod\n" if pod_name == "living" else None


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services on a fresh database."""
    database = Database(f"sqlite:///{tmp_path / 'pipelines.db'}")
    models.Base.metadata.create_all(database.engine)
    made = Services(Settings(namespace="mnist"), database, MemoryStore(), NoPods())  # type: ignore[arg-type]
    yield made
    database.close()


@pytest.fixture
def source(services: Services) -> ServerSource:
    """The page's source on them."""
    return ServerSource(services)


@pytest.fixture
def client(source: ServerSource) -> TestClient:
    """A browser without scripts."""
    page = create_page(source, "mnist")
    return TestClient(page, base_url="http://pipelines", follow_redirects=False)


def upload(source: ServerSource, name: str = "mnist") -> Any:
    """An uploaded pipeline's version."""
    spec = sample_pipelines.mnist() if name == "mnist" else sample_pipelines.nested()
    content = yaml.safe_dump(spec).encode()
    return source.upload_pipeline(name, "from a test", f"{name}.yaml", content)


def start(source: ServerSource, version: Any, **parameters: Any) -> str:
    """A run of it."""
    wanted = NewRun(
        "first try",
        pipeline_id=version.pipeline_id,
        version_id=version.id,
        parameters=parameters or {"epochs": 2},
    )
    return source.create_run(wanted)


def add_tasks(services: Services, run_id: str, *rows: dict[str, Any]) -> None:
    """Tasks as the engine makes them."""
    with services.database.session() as session:
        root = models.Task(run_id=run_id, path="root", name="root", display_name="root")
        root.kind, root.component, root.id = "DAG", "root", f"{run_id}-root"
        session.add(root)
        session.flush()
        for row in rows:
            given = {"kind": "CONTAINER", "component": "comp", "parent_id": root.id, **row}
            given.setdefault("display_name", given["name"])
            session.add(models.Task(run_id=run_id, **given))
            session.flush()


def test_upload_run_and_list(source: ServerSource) -> None:
    version = upload(source)
    run_id = start(source, version)
    (listed,) = source.list_runs(RunFilter(text="first"), "", 10).items
    assert (listed.id, listed.pipeline_name, listed.version_name) == (run_id, "mnist", "mnist")
    assert listed.experiment_name == "Default"
    assert listed.state is State.PENDING
    assert source.list_runs(RunFilter(text="second"), "", 10).items == ()
    assert source.list_runs(RunFilter(state=State.FAILED), "", 10).items == ()
    assert source.list_runs(RunFilter(archived=True), "", 10).items == ()


def test_paging_goes_through_every_run_once(source: ServerSource) -> None:
    version = upload(source)
    made = {start(source, version) for _ in range(5)}
    first = source.list_runs(RunFilter(), "", 3)
    second = source.list_runs(RunFilter(), first.next_token, 3)
    assert first.total == 5
    assert {run.id for run in (*first.items, *second.items)} == made
    assert second.next_token == ""


def test_rounds_of_a_loop_meet_the_steps_as_written(
    services: Services, source: ServerSource
) -> None:
    run_id = start(source, upload(source, "nested"), rows=3)
    handler, loop = f"{run_id}-h", f"{run_id}-l"
    add_tasks(
        services,
        run_id,
        {"id": handler, "name": "exit-handler-1", "path": "root/h", "kind": "DAG"},
        {
            "id": loop,
            "name": "for-loop-3",
            "path": "root/h/l",
            "kind": "LOOP",
            "parent_id": handler,
            "state": "RUNNING",
        },
        *(
            {
                "id": f"{loop}-{number}",
                "name": str(number),
                "path": f"root/h/l/{number}",
                "kind": "DAG",
                "parent_id": loop,
                "iteration": number,
                "state": "RUNNING",
            }
            for number in range(2)
        ),
        *(
            {
                "id": f"{loop}-{number}-t",
                "name": "train",
                "path": f"root/h/l/{number}/train",
                "parent_id": f"{loop}-{number}",
                "state": state,
            }
            for number, state in enumerate(["SUCCEEDED", "RUNNING"])
        ),
    )
    steps = {step.key: step for step in walk(steps_of(source.get_run(run_id)))}
    train = steps["exit-handler-1/for-loop-3/train"]
    assert [task.shown_name for task in train.tasks] == ["train [0]", "train [1]"]
    assert [task.state for task in train.tasks] == [State.SUCCEEDED, State.RUNNING]
    assert train.state is State.RUNNING
    assert len(steps["exit-handler-1/for-loop-3"].tasks) == 2
    assert steps["clean-up"].state is State.UNKNOWN


def test_a_note_is_shown_while_its_task_waits(services: Services, source: ServerSource) -> None:
    run_id = start(source, upload(source))
    rows = [
        {"id": f"{run_id}-{state}", "name": "train", "path": f"root/{state}", "state": state}
        for state in ("PENDING", "FAILED")
    ]
    add_tasks(services, run_id, *({**row, "note": "Insufficient cpu"} for row in rows))
    notes = {task.state: task.note for task in source.get_run(run_id).tasks}
    assert notes == {State.PENDING: "Insufficient cpu", State.FAILED: ""}


def test_cached_steps_and_artifacts(services: Services, source: ServerSource) -> None:
    run_id = start(source, upload(source))
    add_tasks(
        services,
        run_id,
        {
            "id": "task",
            "name": "train",
            "path": "root/train",
            "state": "SUCCEEDED",
            "cached_from_id": "other",
            "outputs": {"parameters": {"Output": 0.99}, "artifacts": {"model": ["art"]}},
        },
    )
    with services.database.session() as session:
        artifact = models.Artifact(id="art", run_id=run_id, task_id="task", name="model")
        artifact.uri, artifact.uri_digest = "s3://rhods/model.onnx", "x"
        artifact.meta = {"framework": "onnx"}
        session.add(artifact)
    (task,) = source.get_run(run_id).tasks
    assert task.state is State.CACHED
    assert task.outputs == {"Output": 0.99}
    assert task.output_artifacts[0].uri == "s3://rhods/model.onnx"
    assert source.get_artifact(run_id, "art").step == "train"
    with pytest.raises(PageError, match="The object store has no"):
        source.open_artifact(run_id, "art")


def test_log_of_a_living_pod(services: Services, source: ServerSource) -> None:
    run_id = start(source, upload(source))
    add_tasks(services, run_id, {"id": "t", "name": "train", "path": "root/train"})
    with services.database.session() as session:
        session.add(
            models.Attempt(task_id="t", run_id=run_id, number=1, pod_name="living", state="RUNNING")
        )
    chunk = source.read_log(run_id, "t", 0)
    assert (chunk.text, chunk.complete) == ("hello from the pod\n", False)
    assert source.read_log(run_id, "t", chunk.next_offset).text == ""


def test_a_second_click_on_terminate_changes_nothing_and_a_late_one_says_why(
    services: Services, source: ServerSource
) -> None:
    run_id = start(source, upload(source))
    for _ in range(2):
        source.terminate_run(run_id)
    assert source.get_run(run_id).summary.state is State.CANCELING
    with services.database.session() as session:
        session.get_one(models.Run, run_id).state = models.RunState.SUCCEEDED
    with pytest.raises(PageError, match="is SUCCEEDED: only a run that is going on") as refused:
        source.terminate_run(run_id)
    assert refused.value.status == 400


def test_a_recurring_run_without_a_schedule_is_shown_as_one_that_runs_once(
    services: Services, source: ServerSource, client: TestClient
) -> None:
    version = upload(source)
    config = {"parameters": {"epochs": 2}}
    run = NewServerRun("once", pipeline_id=version.pipeline_id, runtime_config=config)
    made = services.recurring_runs.create(NewRecurringRun(run)).id
    for path in ("/recurring-runs", f"/recurring-runs/{made}"):
        page = client.get(path)
        assert page.status_code == 200
        assert ">once<" in page.text


def test_recurring_run(source: ServerSource) -> None:
    version = upload(source)
    made = source.create_run(
        NewRun(
            "nightly",
            pipeline_id=version.pipeline_id,
            version_id=version.id,
            parameters={"epochs": 1},
            schedule=Schedule(cron="0 0 3 * * *", max_concurrency=2, catch_up=False),
        )
    )
    item = source.get_recurring_run(made)
    assert (item.cron, item.max_concurrency, item.catch_up) == ("0 0 3 * * *", 2, False)
    assert (item.pipeline_name, item.parameters) == ("mnist", {"epochs": 1})
    assert item.next_run_at is not None
    source.disable_recurring_run(made)
    assert not source.get_recurring_run(made).enabled
    source.delete_recurring_run(made)
    assert source.list_recurring_runs("", 10).items == ()


def test_the_server_refuses_and_the_form_says_where(
    client: TestClient, source: ServerSource
) -> None:
    upload(source)
    origin = {"Origin": "http://pipelines"}
    again = client.post(
        "/pipelines",
        headers=origin,
        data={"name": "mnist"},
        files={"file": ("p.yaml", yaml.safe_dump(sample_pipelines.mnist()))},
    )
    assert again.status_code == 422
    assert 'id="problem-name"' in again.text
    broken = client.post("/pipelines", headers=origin, files={"file": ("p.yaml", "a: [1")})
    assert broken.status_code == 422
    assert 'id="problem-file"' in broken.text


def test_a_form_sent_twice_starts_one_run(client: TestClient, source: ServerSource) -> None:
    version = upload(source)
    form = {
        "key": "b0a4",
        "name": "twice",
        "pipeline": version.pipeline_id,
        "version": version.id,
        "parameter.epochs": "3",
    }
    answers = [
        client.post("/new-run", data=form, headers={"Origin": "http://pipelines"}) for _ in "ab"
    ]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert len(source.list_runs(RunFilter(), "", 10).items) == 1


def test_every_page_opens(client: TestClient, services: Services, source: ServerSource) -> None:
    version = upload(source)
    run_id = start(source, version)
    add_tasks(services, run_id, {"id": "t", "name": "train", "path": "root/train"})
    for address in (
        "/",
        "/runs?q=a&state=PENDING&sort=name+asc",
        f"/runs/{run_id}",
        f"/runs/{run_id}?step=train&tab=logs",
        f"/runs/{run_id}?view=output",
        f"/runs/{run_id}?view=details",
        f"/new-run?clone={run_id}",
        "/pipelines?q=mn",
        f"/pipelines/{version.pipeline_id}",
        "/experiments",
        "/recurring-runs",
    ):
        answer = client.get(address)
        assert answer.status_code == 200, f"{address}: {answer.text[:400]}"
    assert client.get("/runs/none").status_code == 404


def test_files_of_elyra_are_listed_and_opened(services: Services, source: ServerSource) -> None:
    spec = sample_pipelines.mnist()
    executors = spec["deploymentSpec"]["executors"]
    name = next(iter(executors))
    container = {
        **executors[name]["container"],
        "args": ["python3 bootstrapper.py --cos-bucket 'rhods' --cos-directory 'mnist-1' --file x"],
    }
    changed = {**executors, name: {"container": container}}
    spec = {**spec, "deploymentSpec": {"executors": changed}}
    run_id = source.create_run(NewRun("elyra", spec=spec, parameters={"epochs": 1}))
    store: Any = services.store
    store.objects["s3://rhods/mnist-1/Train.html"] = b"<p>done</p>"
    (file,) = source.list_files(run_id)
    assert (file.name, file.size) == ("Train.html", 11)
    page = TestClient(create_page(source, "mnist"), base_url="http://pipelines")
    assert "Train.html" in page.get(f"/runs/{run_id}?view=output").text
    shown = page.get(f"/runs/{run_id}/artifacts/{file.id}/frame")
    assert shown.content == b"<p>done</p>"
    assert shown.headers["content-security-policy"].startswith("sandbox")
