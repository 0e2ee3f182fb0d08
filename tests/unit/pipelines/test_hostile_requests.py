"""Values that no database and no JSON can hold, times beyond any calendar, requests of other sites.

Every one is refused with a reason, nothing of it is stored, and nobody's list fails.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from sqlalchemy.exc import DataError, OperationalError

from pipeline_server.api import limits, runs
from pipeline_server.api.application import create_application
from pipeline_server.database.models import RecurringRun, Run, RunState
from pipeline_server.errors import FailedPreconditionError
from pipeline_server.services.collection import Services

RUNS = "/apis/v2beta1/runs"
PIPELINES = "/apis/v2beta1/pipelines"
RECURRING = "/apis/v2beta1/recurringruns"
EXPERIMENTS = "/apis/v2beta1/experiments"
JSON = {"Content-Type": "application/json"}
LISTS = (RUNS, PIPELINES, RECURRING)

Call = Callable[..., Any]


@pytest.fixture
def api(services: Services) -> Iterator[TestClient]:
    """As a client sees it: an unexpected exception is an answer."""
    application = create_application(services)
    with TestClient(application, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def post(api: TestClient) -> Call:
    """Posts what Python's own writer makes of it, NaN and halves of pairs included."""

    def send(path: str, body: Any) -> Any:
        return api.post(path, content=json.dumps(body).encode(), headers=JSON)

    return send


def assert_refused(api: TestClient, reply: Any, words: str, status: int = 400) -> None:
    body = reply.json()
    assert reply.status_code == status, body
    assert words in body["message"]
    assert body["details"][0]["message"] == body["message"]
    for path in LISTS:
        assert api.get(path).json() == {}, "nothing is stored"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (10**400, "more than 64 bits"),
        (float("nan"), "nan"),
        (float("-inf"), "inf"),
        ("\ud800", "surrogate"),
        ({"\udc00": [1]}, "surrogate"),
    ],
    ids=["long", "nan", "inf", "surrogate", "key"],
)
@pytest.mark.parametrize("path", [RUNS, RECURRING])
def test_parameters(
    api: TestClient, post: Call, spec: dict[str, Any], path: str, value: Any, words: str
) -> None:
    body = {
        "display_name": "r",
        "pipeline_spec": spec,
        "runtime_config": {"parameters": {"n": value}},
        "trigger": {"periodic_schedule": {"interval_second": 60}},
    }
    assert_refused(api, post(path, body), words)


def test_a_display_name(api: TestClient, post: Call, spec: dict[str, Any]) -> None:
    assert_refused(api, post(RUNS, {"display_name": "\ud800", "pipeline_spec": spec}), "surrogate")
    assert_refused(api, post(EXPERIMENTS, {"display_name": "\ud800"}), "surrogate")
    reference = {"pipeline_id": "\ud800"}
    assert_refused(api, post(RUNS, {"pipeline_version_reference": reference}), "surrogate")


def test_a_number_in_a_pipeline(
    api: TestClient, post: Call, upload: Call, spec: dict[str, Any]
) -> None:
    broken = copy.deepcopy(spec)
    executor = broken["deploymentSpec"]["executors"]["exec-add"]
    executor["container"]["resources"] = {"cpuLimit": float("nan")}
    assert_refused(api, post(RUNS, {"pipeline_spec": broken}), "nan")
    assert_refused(api, upload(json.dumps(broken).replace("NaN", ".nan").encode()), "nan")


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ({"periodic_schedule": {"interval_second": 10**15}}, "ten years"),
        ({"periodic_schedule": {"interval_second": 10**30}}, "64 bits"),
        ({"cron_schedule": {"cron": "@every 99999999999999h"}}, "ten years"),
        ({"cron_schedule": {"cron": "0 0 0 1 1 " + "1," * 200 + "1"}}, "characters"),
        (
            {"periodic_schedule": {"interval_second": 60, "start_time": "9999-12-31T23:59:59Z"}},
            "start_time must lie between",
        ),
        (
            {"cron_schedule": {"cron": "@daily", "start_time": "9999-12-31T23:59:59Z"}},
            "start_time must lie between",
        ),
        (
            {"cron_schedule": {"cron": "@daily", "start_time": "0001-01-01T00:00:00+14:00"}},
            "not an RFC 3339 time",
        ),
        (
            {"cron_schedule": {"cron": "@daily", "end_time": "2201-01-01T00:00:00Z"}},
            "end_time must lie between",
        ),
    ],
)
def test_times(
    api: TestClient, post: Call, spec: dict[str, Any], trigger: dict[str, Any], words: str
) -> None:
    body = {"display_name": "r", "pipeline_spec": spec, "trigger": trigger, "mode": "ENABLE"}
    assert_refused(api, post(RECURRING, body), words)


@pytest.mark.parametrize(
    "predicate",
    [
        {"operation": 1, "key": "name", "stringValue": "\ud800"},
        {"operation": 1, "key": "name", "longValue": 10**30},
        {"operation": 1, "key": "created_at", "timestampValue": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_filters(api: TestClient, predicate: dict[str, Any]) -> None:
    reply = api.get(RUNS, params={"filter": json.dumps({"predicates": [predicate]})})
    assert reply.status_code == 400, reply.text


def test_what_was_stored_before_fails_no_list(
    api: TestClient, post: Call, services: Services, spec: dict[str, Any]
) -> None:
    run_id = post(RUNS, {"display_name": "r", "pipeline_spec": spec}).json()["run_id"]
    trigger = {"periodic_schedule": {"interval_second": 60}}
    post(RECURRING, {"display_name": "r", "pipeline_spec": spec, "trigger": trigger})
    for value in ("\ud800", float("nan")):
        config = {"parameters": {"n": value}, "pipeline_root": ""}
        with services.database.session() as session:
            session.execute(sa.update(Run).values(runtime_config=config))
            session.execute(sa.update(RecurringRun).values(runtime_config=config))
        for path in (RUNS, RECURRING, f"{RUNS}/{run_id}"):
            assert api.get(path).status_code == 200, path


def test_an_inline_pipeline_beyond_the_limit(
    api: TestClient, post: Call, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAXIMUM_JSON", 1000)
    assert_refused(
        api, post(RUNS, {"display_name": "r", "pipeline_spec": spec}), "larger than 1000 bytes", 413
    )


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ZeroDivisionError("an inner matter"), 500, 13),
        (DataError("INSERT", {}, Exception("too long")), 400, 3),
        (OperationalError("SELECT", {}, Exception("gone")), 503, 14),
    ],
)
def test_what_nobody_expected_has_the_shape_of_all_errors(
    api: TestClient,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    code: int,
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(services.runs, "get", broken)
    reply = api.get(f"{RUNS}/any")
    assert (reply.status_code, reply.json()["code"]) == (status, code)
    assert "inner" not in reply.text, "what went wrong is for the log"


OTHERS = "https://elsewhere.example"


@pytest.mark.parametrize(("site", "origin", "status"), [
    ("cross-site", None, 403),
    ("same-site", None, 403),
    ("same-origin", None, 200),
    ("none", None, 200),
    (None, None, 200),
    # A browser that does not say where the page is from, but of which origin it is.
    (None, OTHERS, 403),
    (None, "null", 403),
    (None, "", 403),
    (None, "https://testserver.elsewhere.example", 403),
    (None, "https://testserver:8443", 403),
    (None, "file://testserver", 403),
    (None, "http://testserver", 200),
    (None, "https://testserver", 200),
    (None, "https://TESTSERVER:443", 200),
    ("cross-site", "https://testserver", 403),
])  # fmt: skip
def test_a_page_of_another_site(
    api: TestClient, post: Call, spec: dict[str, Any],
    site: str | None, origin: str | None, status: int,
) -> None:  # fmt: skip
    run_id = post(RUNS, {"display_name": "r", "pipeline_spec": spec}).json()["run_id"]
    words = {"Sec-Fetch-Site": site, "Origin": origin}
    headers = {name: word for name, word in words.items() if word is not None}
    assert api.get(RUNS, headers=headers).status_code == 200
    replies = [
        api.post(f"{RUNS}/{run_id}:terminate", headers=headers),
        api.post(f"{RUNS}/{run_id}:archive", headers=headers),
        api.post(
            f"{PIPELINES}/upload",
            params={"name": "p"},
            files={"uploadfile": ("p.yaml", json.dumps(spec).encode())},
            headers=headers,
        ),
        api.delete(f"{RUNS}/{run_id}", headers=headers),
    ]
    assert [reply.status_code for reply in replies] == [status] * 4
    if status == 403:
        assert replies[0].json()["code"] == 7
        assert api.get(f"{RUNS}/{run_id}").json()["state"] == "PENDING"


def test_an_artifact_too_large_to_be_read_at_once(
    api: TestClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chunks() -> Iterator[bytes]:
        raise AssertionError("nothing of it may be read")
        yield b""

    task = SimpleNamespace(outputs={"artifacts": {"data": ["a1"]}})
    monkeypatch.setattr(services.runs, "get_task", lambda *_: task)
    size = runs.MAXIMUM_READ + 1
    content = SimpleNamespace(size=size, chunks=chunks())
    monkeypatch.setattr(services.artifacts, "open", lambda *_: content)
    reply = api.get(f"{RUNS}/r/nodes/t/artifacts/data:read")
    assert reply.status_code == 413
    assert "/artifacts/a1/content" in reply.json()["message"]


def test_an_experiment_with_a_run_under_way(services: Services, spec: dict[str, Any]) -> None:
    from pipeline_server.services.runs import NewRun

    experiment = services.experiments.create("e")
    run = services.runs.create(NewRun(spec=spec, experiment_id=experiment.id))
    with pytest.raises(FailedPreconditionError, match="1 run under way"):
        services.experiments.delete(experiment.id)
    with services.database.session() as session:
        session.execute(sa.update(Run).values(state=RunState.SUCCEEDED))
    services.experiments.delete(experiment.id)
    default = services.experiments.default()
    assert services.runs.get(run.id).experiment_id == default.id
