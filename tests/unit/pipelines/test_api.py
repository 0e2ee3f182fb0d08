"""The HTTP API: what is refused and how, idempotence, lists, the steps' own part."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from pipeline_server.database.models import FINISHED, Run, RunState
from pipeline_server.execution import steps
from pipeline_server.execution.scheduler import Scheduler
from pipeline_server.services.collection import Services
from pipeline_server.services.listing import ListRequest

RUNS = "/apis/v2beta1/runs"
PIPELINES = "/apis/v2beta1/pipelines"
RECURRING = "/apis/v2beta1/recurringruns"
EXPERIMENTS = "/apis/v2beta1/experiments"


def assert_refused(reply: Any, status: int, code: int, words: str) -> None:
    body = reply.json()
    assert reply.status_code == status, body
    assert body["code"] == code
    assert words in body["message"]
    assert body["details"][0]["message"] == body["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "pipeline_spec or a pipeline_version_reference"),
        ({"pipeline_spec": []}, "pipeline_spec must be an object"),
        ({"pipeline_spec": {}}, "pipeline_spec or a pipeline_version_reference"),
        ({"pipeline_spec": "text"}, "must be an object"),
        ({"pipeline_spec": {"root": {}}}, "schemaVersion"),
        ({"display_name": "x" * 300, "pipeline_spec": None}, "display_name has 300"),
        ({"display_name": 5}, "display_name"),
        ({"runtime_config": "x"}, "runtime_config"),
    ],
)
def test_runs_that_are_refused(api: TestClient, body: dict[str, Any], words: str) -> None:
    assert_refused(api.post(RUNS, json={"display_name": "r", **body}), 400, 3, words)
    assert api.get(RUNS).json() == {}, "nothing is stored"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"parameters": {"n": "x"}}, "'n' must be an integer"),
        ({"parameters": {"other": 1}}, "unknown parameters: other"),
        ({"parameters": [1]}, "must be an object"),
        ({"pipeline_root": "ftp://x"}, "must begin with s3://"),
    ],
)
def test_runs_whose_parameters_do_not_fit(
    api: TestClient, spec: dict[str, Any], config: Any, words: str
) -> None:
    reply = api.post(
        RUNS, json={"display_name": "r", "pipeline_spec": spec, "runtime_config": config}
    )
    assert_refused(reply, 400, 3, words)
    assert api.get(RUNS).json() == {}


def test_a_run_of_something_that_is_not_there(api: TestClient) -> None:
    body = {
        "display_name": "r",
        "pipeline_version_reference": {"pipeline_id": "nobody"},
    }
    assert_refused(api.post(RUNS, json=body), 404, 5, "nobody")
    assert_refused(api.get(f"{RUNS}/nobody"), 404, 5, "nobody")
    assert_refused(api.post(f"{RUNS}/nobody:terminate"), 404, 5, "nobody")


def test_bodies_that_are_not_json(api: TestClient) -> None:
    reply = api.post(RUNS, content=b"{", headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    deep = b"[" * 100_000
    reply = api.post(RUNS, content=deep, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"a: [", 400, "not YAML"),
        (b"root: {}", 400, "schemaVersion"),
        (b"", 400, "empty"),
        (b"x" * (33 * 1024 * 1024), 413, "32 MiB"),
    ],
)
def test_uploads_that_are_refused(
    api: TestClient, upload: Callable[..., Any], content: bytes, status: int, words: str
) -> None:
    reply = upload(content)
    assert reply.status_code == status
    assert words in reply.json()["message"]
    assert api.get(PIPELINES).json() == {}


def test_a_name_is_taken_once(
    api: TestClient, upload: Callable[..., Any], spec: dict[str, Any]
) -> None:
    content = json.dumps(spec).encode()
    assert upload(content).status_code == 200
    assert_refused(upload(content), 409, 6, "uploaded")
    made = api.get(PIPELINES).json()["pipelines"][0]["pipeline_id"]
    for status in (200, 409):
        reply = api.post(
            f"{PIPELINES}/upload_version",
            params={"name": "v2", "pipelineid": made},
            files={"uploadfile": ("p.yaml", content)},
        )
        assert reply.status_code == status


def test_a_version_belongs_to_the_pipeline_that_the_address_names(
    api: TestClient, spec: dict[str, Any]
) -> None:
    made = api.post(PIPELINES, json={"name": "p"}).json()["pipeline_id"]
    body = {"name": "v", "pipeline_spec": spec, "pipeline_id": "another"}
    assert_refused(api.post(f"{PIPELINES}/{made}/versions", json=body), 400, 3, "'another'")
    body["pipeline_id"] = made
    assert api.post(f"{PIPELINES}/{made}/versions", json=body).status_code == 200


def test_both_spellings_of_a_message(api: TestClient, spec: dict[str, Any]) -> None:
    snake = api.post(RUNS, json={"display_name": "a", "pipeline_spec": spec})
    camel = api.post(RUNS, json={"displayName": "b", "pipelineSpec": spec})
    assert [reply.json()["display_name"] for reply in (snake, camel)] == ["a", "b"]
    assert snake.json()["state"] == "PENDING"


def test_the_same_key_gives_the_same_run(api: TestClient, spec: dict[str, Any]) -> None:
    ids = {
        api.post(
            RUNS,
            json={"display_name": "r", "pipeline_spec": spec},
            headers={"Idempotency-Key": "once"},
        ).json()["run_id"]
        for _ in range(2)
    }
    assert len(ids) == 1


def test_ending_and_beginning_again(api: TestClient, spec: dict[str, Any]) -> None:
    run_id = api.post(RUNS, json={"display_name": "r", "pipeline_spec": spec}).json()["run_id"]
    assert_refused(api.post(f"{RUNS}/{run_id}:retry"), 400, 9, "only a failed or canceled run")
    assert api.post(f"{RUNS}/{run_id}:terminate").status_code == 200
    assert api.get(f"{RUNS}/{run_id}").json()["state"] == "CANCELING"
    assert_refused(api.post(f"{RUNS}/{run_id}:terminate"), 400, 3, "is CANCELING")
    assert api.delete(f"{RUNS}/{run_id}").status_code == 200
    assert api.delete(f"{RUNS}/{run_id}").status_code == 404


@pytest.mark.parametrize("state", sorted(FINISHED))
def test_a_run_that_has_ended_is_not_terminated(
    api: TestClient, services: Services, spec: dict[str, Any], state: RunState
) -> None:
    """Upstream's TerminateRun changes what is pending, running or paused, and nothing else."""
    run_id = api.post(RUNS, json={"display_name": "r", "pipeline_spec": spec}).json()["run_id"]
    with services.database.session() as session:
        session.execute(sa.update(Run).where(Run.id == run_id).values(state=state))
    assert_refused(api.post(f"{RUNS}/{run_id}:terminate"), 400, 3, f"is {state}: only a run that")
    assert api.get(f"{RUNS}/{run_id}").json()["state"] == state


def test_an_archived_experiment(api: TestClient, spec: dict[str, Any]) -> None:
    made = api.post(EXPERIMENTS, json={"display_name": "e"}).json()["experiment_id"]
    body = {"display_name": "r", "pipeline_spec": spec, "experiment_id": made}
    run_id = api.post(RUNS, json=body).json()["run_id"]
    api.post(f"{EXPERIMENTS}/{made}:archive")
    assert api.get(f"{RUNS}/{run_id}").json()["storage_state"] == "ARCHIVED"
    assert_refused(api.post(RUNS, json=body), 400, 3, "archived")
    assert_refused(api.post(f"{RUNS}/{run_id}:unarchive"), 400, 9, "unarchive it first")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"sort_by": "nothing"}, "unknown field 'nothing'"),
        ({"sort_by": "created_at sideways"}, "sort_by"),
        ({"page_size": "-1"}, "page_size"),
        ({"page_size": "many"}, "page_size"),
        ({"page_token": "###"}, "page_token"),
        ({"filter": "{"}, "not JSON"),
        ({"filter": '{"predicates": [{"key": "name"}]}'}, "operation"),
        ({"filter": '{"predicates": [{"operation": 1, "key": "x", "stringValue": "y"}]}'}, "'x'"),
        ({"filter": '{"predicates": [{"operation": 1, "key": "name"}]}'}, "no value"),
        (
            {
                "filter": '{"predicates": [{"operation": "GREATER_THAN", "key": "created_at", '
                '"timestampValue": "noon"}]}'
            },
            "RFC 3339",
        ),
    ],
)
def test_lists_that_are_refused(api: TestClient, query: dict[str, str], words: str) -> None:
    reply = api.get(RUNS, params=query)
    assert reply.status_code == 400
    assert words in reply.json()["message"]


@pytest.mark.parametrize("path", [RUNS, RECURRING])
def test_the_list_of_an_experiment_that_is_not_there(api: TestClient, path: str) -> None:
    """Upstream looks for the experiment first; an empty list would hide a mistyped id."""
    assert_refused(api.get(path, params={"experiment_id": "nobody"}), 404, 5, "'nobody'")
    made = api.post(EXPERIMENTS, json={"display_name": "e"}).json()["experiment_id"]
    assert api.get(path, params={"experiment_id": made}).json() == {}


# What upstream's lists can be sorted and filtered by: all that any version of APIToModelFieldMap in
# backend/src/apiserver/model has, but for metrics, which v2beta1 has no call to report.
KEYS = {
    EXPERIMENTS: "experiment_id id display_name name description created_at last_run_created_at "
    "storage_state namespace",
    PIPELINES: "pipeline_id id display_name name description created_at namespace",
    RUNS: "run_id id display_name name created_at finished_at description scheduled_at "
    "storage_state status state experiment_id recurring_run_id pipeline_id pipeline_version_id "
    "namespace state_history runtime_details",
    RECURRING: "recurring_run_id id display_name name created_at updated_at description "
    "pipeline_id pipeline_version_id pipeline_name",
}


@pytest.mark.parametrize(
    ("path", "key"), [(path, key) for path, keys in KEYS.items() for key in keys.split()]
)
def test_every_key_of_upstream_s_lists(api: TestClient, path: str, key: str) -> None:
    value = (
        {"timestampValue": "2030-01-01T00:00:00Z"}
        if key.endswith("_at")
        else {"stringValue": "nothing has this"}
    )
    wanted = json.dumps({"predicates": [{"operation": "EQUALS", "key": key, **value}]})
    reply = api.get(path, params={"filter": wanted, "sort_by": f"{key} desc"})
    assert (reply.status_code, reply.json()) == (200, {}), reply.text


def test_pages_follow_each_other(api: TestClient) -> None:
    for number in range(5):
        api.post(EXPERIMENTS, json={"display_name": f"e{number}"})
    for sort in ("display_name desc", "last_run_created_at", "last_run_created_at desc"):
        names: list[str] = []
        token = ""
        while True:
            query = {"page_size": 2, "sort_by": sort, "page_token": token}
            page = api.get(EXPERIMENTS, params=query).json()
            names += [item["display_name"] for item in page["experiments"]]
            token = page.get("next_page_token", "")
            if not token:
                break
        assert sorted(names) == [f"e{number}" for number in range(5)]
        assert page["total_size"] == 5


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        (1, {"stringValue": "b"}, ["b"]),
        ("EQUALS", {"string_value": "b"}, ["b"]),
        ("NOT_EQUALS", {"stringValue": "b"}, ["a", "c"]),
        ("IN", {"stringValues": {"values": ["a", "c"]}}, ["a", "c"]),
        (9, {"stringValue": "B"}, []),
        ("GREATER_THAN", {"stringValue": "a"}, ["b", "c"]),
    ],
)
def test_filters(api: TestClient, operation: Any, value: Any, expected: list[str]) -> None:
    for name in "abc":
        api.post(EXPERIMENTS, json={"display_name": name})
    wanted = {"predicates": [{"operation": operation, "key": "display_name", **value}]}
    if operation == 9:
        wanted["predicates"][0]["stringValue"] = "%"
    query = {"filter": json.dumps(wanted), "sort_by": "display_name"}
    found = api.get(EXPERIMENTS, params=query).json().get("experiments", [])
    assert [item["display_name"] for item in found] == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"trigger": {"cron_schedule": {}}}, "cron_schedule needs a cron"),
        ({"trigger": {"cron_schedule": {"cron": "* *"}}}, "six"),
        ({"trigger": {"periodic_schedule": {}}}, "must be positive"),
        ({"trigger": {"periodic_schedule": {"interval_second": "0"}}}, "must be positive"),
        ({"trigger": {"periodic_schedule": {"interval_second": "-5"}}}, "must be positive"),
        ({"trigger": {"cron_schedule": {"cron": "@daily"}}, "max_concurrency": "11"}, "1 to 10"),
        ({"trigger": {"cron_schedule": {"cron": "@daily"}}, "mode": "SOMETIMES"}, "mode"),
        (
            {"trigger": {"cron_schedule": {"cron": "@daily", "start_time": "tomorrow"}}},
            "RFC 3339",
        ),
    ],
)
def test_recurring_runs_that_are_refused(
    api: TestClient, spec: dict[str, Any], body: dict[str, Any], words: str
) -> None:
    reply = api.post(RECURRING, json={"display_name": "r", "pipeline_spec": spec, **body})
    assert reply.status_code == 400
    assert words in reply.json()["message"]
    assert api.get(RECURRING).json() == {}


def test_a_recurring_run_as_it_is_shown(api: TestClient, spec: dict[str, Any]) -> None:
    body = {
        "display_name": "r",
        "pipeline_spec": spec,
        "mode": "ENABLE",
        "max_concurrency": "2",
        "trigger": {"cron_schedule": {"cron": "0 0 9 ? * 2-6"}},
    }
    made = api.post(RECURRING, json=body).json()
    assert (made["status"], made["max_concurrency"]) == ("ENABLED", "2")
    assert api.post(f"{RECURRING}/{made['recurring_run_id']}:disable").status_code == 200
    assert api.get(f"{RECURRING}/{made['recurring_run_id']}").json()["mode"] == "DISABLE"


@pytest.mark.parametrize("trigger", [{}, {"trigger": {}}, {"trigger": None}])
def test_a_recurring_run_without_a_trigger_runs_once_at_its_creation(
    api: TestClient, services: Services, spec: dict[str, Any], trigger: dict[str, Any]
) -> None:
    body = {"display_name": "once", "pipeline_spec": spec, "mode": "ENABLE", **trigger}
    made = api.post(RECURRING, json=body).json()
    assert (made["trigger"], made["status"]) == ({}, "ENABLED")
    one = f"{RECURRING}/{made['recurring_run_id']}"
    for action in ("", ":disable", ":enable"):
        if action:
            assert api.post(one + action).status_code == 200
        Scheduler(services.database, services.pipeline_cache).tick()
        (run,) = api.get(RUNS).json()["runs"]
        assert run["recurring_run_id"] == made["recurring_run_id"]
        assert run["scheduled_at"] == made["created_at"]
    assert "error" not in api.get(one).json()


def test_the_steps_part_opens_to_its_token_only(api: TestClient, services: Services) -> None:
    path = "/internal/steps/attempt-1/start"
    assert api.post(path, json={}).status_code == 401
    other = steps.step_token(services.settings, "attempt-2")
    reply = api.post(path, json={}, headers={"Authorization": f"Bearer {other}"})
    assert reply.status_code == 401
    own = steps.step_token(services.settings, "attempt-1")
    reply = api.post(path, json={}, headers={"Authorization": f"Bearer {own}"})
    assert reply.status_code == 404, "the attempt is gone: the step shall stop"


def test_the_services_answer_in_python(services: Services, spec: dict[str, Any]) -> None:
    from pipeline_server.services.runs import NewRun

    run = services.runs.create(NewRun(display_name="r", spec=spec))
    assert services.runs.get(run.id).document.content["pipeline_spec"] == spec
    page = services.runs.list(ListRequest(page_size=5))
    assert services.runs.names(page.items).experiments == {run.experiment_id: "Default"}


def test_health_and_documentation(api: TestClient) -> None:
    for version in ("v1beta1", "v2beta1"):
        assert api.get(f"/apis/{version}/healthz").json()["multi_user"] is False
    paths = api.get("/apis/openapi.json").json()["paths"]
    assert f"{RUNS}/{{run_id}}:terminate" in paths
    assert not any(path.startswith("/internal") for path in paths)


def test_elyra_s_files(api: TestClient) -> None:
    assert api.get("/elyra/bootstrapper.py").status_code == 404
    assert api.get("/").status_code == 200


def test_a_page_token_is_not_trusted(api: TestClient) -> None:
    token = base64.urlsafe_b64encode(json.dumps(["x; DROP TABLE runs", "y"]).encode()).decode()
    reply = api.get(RUNS, params={"page_token": token})
    assert reply.status_code == 400
