"""What the page reads of the services, row by row, and what its forms make of them."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from fastapi.testclient import TestClient

from pipeline_server.database import models
from pipeline_server.errors import NotFoundError
from pipeline_server.services.collection import Services
from pipeline_server.services.listing import ListRequest
from pipeline_server.services.recurring_runs import NewRecurringRun, Schedule
from pipeline_server.services.runs import NewRun
from pipeline_server.web import reading
from pipeline_server.web.graph import steps_of, walk
from pipeline_server.web.view_models import RunFilter, State

from . import sample_pipelines
from .sample_lab import FOLDER, Lab, elyra


def upload(services: Services, name: str = "mnist") -> models.PipelineVersion:
    """An uploaded pipeline's version."""
    spec = sample_pipelines.mnist() if name == "mnist" else sample_pipelines.nested()
    content = yaml.safe_dump(spec).encode()
    return services.pipelines.upload(content, f"{name}.yaml", name=name)[1]


def start(services: Services, version: models.PipelineVersion, **parameters: Any) -> str:
    """A run of it."""
    wanted = NewRun(
        "first try",
        pipeline_id=version.pipeline_id,
        pipeline_version_id=version.id,
        runtime_config={"parameters": parameters or {"epochs": 2}},
    )
    return services.runs.create(wanted).id


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


def test_upload_run_and_list(services: Services) -> None:
    version = upload(services)
    run_id = start(services, version)
    (listed,) = reading.list_runs(services, RunFilter(text="first"), "", 10).items
    assert (listed.id, listed.pipeline_name, listed.version_name) == (run_id, "mnist", "mnist")
    assert listed.experiment_name == "Default"
    assert listed.state is State.PENDING
    assert reading.list_runs(services, RunFilter(text="second"), "", 10).items == []
    assert reading.list_runs(services, RunFilter(state=State.FAILED), "", 10).items == []
    assert reading.list_runs(services, RunFilter(archived=True), "", 10).items == []


def test_paging_goes_through_every_run_once(services: Services) -> None:
    version = upload(services)
    made = {start(services, version) for _ in range(5)}
    first = reading.list_runs(services, RunFilter(), "", 3)
    second = reading.list_runs(services, RunFilter(), first.next_token, 3)
    assert first.total == 5
    assert {run.id for run in (*first.items, *second.items)} == made
    assert second.next_token == ""


def test_rounds_of_a_loop_meet_the_steps_as_written(services: Services) -> None:
    run_id = start(services, upload(services, "nested"), rows=3)
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
    steps = {step.key: step for step in walk(steps_of(reading.get_run(services, run_id)))}
    train = steps["exit-handler-1/for-loop-3/train"]
    assert [task.shown_name for task in train.tasks] == ["train [0]", "train [1]"]
    assert [task.state for task in train.tasks] == [State.SUCCEEDED, State.RUNNING]
    assert train.state is State.RUNNING
    assert len(steps["exit-handler-1/for-loop-3"].tasks) == 2
    assert steps["clean-up"].state is State.UNKNOWN


def test_a_note_is_shown_while_its_task_waits(services: Services) -> None:
    run_id = start(services, upload(services))
    rows = [
        {"id": f"{run_id}-{state}", "name": "train", "path": f"root/{state}", "state": state}
        for state in ("PENDING", "FAILED")
    ]
    add_tasks(services, run_id, *({**row, "note": "Insufficient cpu"} for row in rows))
    notes = {task.state: task.note for task in reading.get_run(services, run_id).tasks}
    assert notes == {State.PENDING: "Insufficient cpu", State.FAILED: ""}


def test_cached_steps_and_artifacts(services: Services) -> None:
    run_id = start(services, upload(services))
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
    (task,) = reading.get_run(services, run_id).tasks
    assert task.state is State.CACHED
    assert task.outputs == {"Output": 0.99}
    assert task.output_artifacts[0].uri == "s3://rhods/model.onnx"
    assert reading.get_artifact(services, run_id, "art").step == "train"
    with pytest.raises(NotFoundError, match="the object store has no"):
        reading.open_artifact(services, run_id, "art")


def test_log_of_a_living_pod(services: Services, empty_lab: Lab) -> None:
    run_id = start(services, upload(services))
    add_tasks(services, run_id, {"id": "t", "name": "train", "path": "root/train"})
    empty_lab.pods.logs["living"] = "hello from the pod\n"
    with services.database.session() as session:
        session.add(
            models.Attempt(task_id="t", run_id=run_id, number=1, pod_name="living", state="RUNNING")
        )
    chunk = services.logs.read(run_id, "t", 0)
    assert (chunk.text, chunk.complete) == ("hello from the pod\n", False)
    assert services.logs.read(run_id, "t", chunk.next_offset).text == ""


def test_a_second_click_on_terminate_changes_nothing_and_a_late_one_says_why(
    client: TestClient, services: Services, empty_lab: Lab
) -> None:
    run_id = start(services, upload(services))
    for _ in range(2):
        assert client.post(f"/runs/{run_id}/terminate").status_code == 303
    assert services.runs.get(run_id).state == "CANCELING"
    empty_lab.move_run(run_id, "SUCCEEDED")
    refused = client.post(f"/runs/{run_id}/terminate")
    assert refused.status_code == 400
    assert "is SUCCEEDED: only a run that is going on" in refused.text


def test_a_recurring_run_without_a_schedule_is_shown_as_one_that_runs_once(
    client: TestClient, services: Services
) -> None:
    version = upload(services)
    config = {"parameters": {"epochs": 2}}
    run = NewRun("once", pipeline_id=version.pipeline_id, runtime_config=config)
    made = services.recurring_runs.create(NewRecurringRun(run, Schedule())).id
    for path in ("/recurring-runs", f"/recurring-runs/{made}"):
        page = client.get(path)
        assert page.status_code == 200
        assert ">once<" in page.text


def test_a_recurring_run_from_the_form_to_its_page(client: TestClient, services: Services) -> None:
    version = upload(services)
    form = {
        "name": "nightly",
        "pipeline": version.pipeline_id,
        "version": version.id,
        "parameter.epochs": "1",
        "mode": "recurring",
        "trigger": "cron",
        "cron": "0 0 3 * * *",
        "max_concurrency": "2",
    }
    assert client.post("/new-run", data=form).status_code == 303
    (item,) = services.recurring_runs.list(ListRequest()).items
    assert (item.cron, item.max_concurrency, item.no_catchup) == ("0 0 3 * * *", 2, True)
    assert item.next_tick_at is not None
    page = client.get(f"/recurring-runs/{item.id}").text
    for shown in ("<h1>nightly</h1>", "0 0 3 * * *", ">mnist</a>", "skipped", "epochs"):
        assert shown in page
    services.pipelines.delete(version.pipeline_id)
    for address in ("/recurring-runs", f"/recurring-runs/{item.id}"):
        assert f"/pipelines/{version.pipeline_id}" not in client.get(address).text


def test_a_database_that_does_not_answer_is_a_page_and_loses_no_form(
    client: TestClient, services: Services
) -> None:
    version = upload(services)
    with services.database.session() as session:
        session.execute(sa.text("ALTER TABLE runs RENAME TO elsewhere"))
    answer = client.get("/runs")
    assert answer.status_code == 503
    assert "The database does not answer." in answer.text
    form = {"name": "kept", "pipeline": version.pipeline_id, "parameter.epochs": "3"}
    answer = client.post("/new-run", data=form)
    assert answer.status_code == 503
    assert 'value="kept"' in answer.text


def test_the_server_refuses_and_the_form_says_where(client: TestClient, services: Services) -> None:
    upload(services)
    again = client.post(
        "/pipelines",
        data={"name": "mnist"},
        files={"file": ("p.yaml", yaml.safe_dump(sample_pipelines.mnist()))},
    )
    assert again.status_code == 422
    assert 'id="problem-name"' in again.text
    broken = client.post("/pipelines", files={"file": ("p.yaml", "a: [1")})
    assert broken.status_code == 422
    assert 'id="problem-file"' in broken.text


def test_a_form_sent_twice_starts_one_run(client: TestClient, services: Services) -> None:
    version = upload(services)
    form = {
        "key": "b0a4",
        "name": "twice",
        "pipeline": version.pipeline_id,
        "version": version.id,
        "parameter.epochs": "3",
    }
    answers = [client.post("/new-run", data=form) for _ in "ab"]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert len(reading.list_runs(services, RunFilter(), "", 10).items) == 1


def test_every_page_opens(client: TestClient, services: Services) -> None:
    version = upload(services)
    run_id = start(services, version)
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


def test_files_of_elyra_are_listed_and_opened(
    client: TestClient, services: Services, empty_lab: Lab
) -> None:
    spec = elyra(sample_pipelines.mnist())
    wanted = NewRun("elyra", spec=spec, runtime_config={"parameters": {"epochs": 1}})
    run_id = services.runs.create(wanted).id
    empty_lab.store.objects[f"s3://rhods/{FOLDER}/Train.html"] = b"<p>done</p>"
    (file,) = reading.list_files(services, run_id).files
    assert (file.name, file.size) == ("Train.html", 11)
    assert "Train.html" in client.get(f"/runs/{run_id}?view=output").text
    shown = client.get(f"/runs/{run_id}/artifacts/{file.id}/frame")
    assert shown.content == b"<p>done</p>"
    assert shown.headers["content-security-policy"].startswith("sandbox")
