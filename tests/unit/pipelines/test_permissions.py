"""A run uses only what who asks for it may use: everything that it names is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.datastructures import Headers

from lab_ground.kubernetes.errors import ApiError
from pipeline_server.api.caller import token_of
from pipeline_server.ir.pipeline import PipelineIR
from pipeline_server.ir.references import Reference, references

from .conftest import Rights
from .pipelines import names_much, names_nothing, names_what_it_makes

RUNS, RECURRING = "/apis/v2beta1/runs", "/apis/v2beta1/recurringruns"
WITH_TOKEN = {"X-Forwarded-Access-Token": "t"}


ALL = {
    ("secrets", "volume"),
    ("secrets", "given"),
    ("secrets", "registry"),
    ("configmaps", "settings"),
    ("configmaps", "more"),
}


@pytest.fixture
def start(api: TestClient, ir: Callable[[Any], dict[str, Any]]) -> Callable[..., Any]:
    """Ask for a run, with a token unless it is said otherwise."""

    def post(
        pipeline: Any, headers: dict[str, str] = WITH_TOKEN, path: str = RUNS, **body: Any
    ) -> Any:
        content = {"display_name": "r", "pipeline_spec": ir(pipeline), **body}
        return api.post(path, json=content, headers=headers)

    return post


def test_all_that_a_run_names_is_asked_about_as_its_caller(
    start: Callable[..., Any], ask: Rights
) -> None:
    assert start(names_much).status_code == 200
    assert {(what["resource"], what["name"]) for _, what in ask.asked} == ALL
    assert {token for token, _ in ask.asked} == {"t"}
    assert {(what["verb"], what["namespace"]) for _, what in ask.asked} == {("get", "mnist")}


@pytest.mark.parametrize("refused", sorted(ALL))
def test_one_that_the_caller_may_not_use_stops_the_run_before_it_starts(
    start: Callable[..., Any], ask: Rights, api: TestClient, refused: tuple[str, str]
) -> None:
    ask.refused.add(refused)
    reply = start(names_much)
    assert reply.status_code == 403
    resource, name = refused
    message = reply.json()["message"]
    assert f"{name!r}, which its sender may not use" in message
    assert f"the right to get {resource} in project mnist" in message
    assert api.get(RUNS).json() == {}


def test_a_parameter_s_value_is_what_is_asked_about(start: Callable[..., Any], ask: Rights) -> None:
    ask.refused.add(("secrets", "victim"))
    reply = start(names_much, runtime_config={"parameters": {"secret": "victim"}})
    assert (reply.status_code, "'victim'" in reply.json()["message"]) == (403, True)


def test_a_name_that_only_the_run_will_know_takes_the_right_to_all(
    start: Callable[..., Any], ask: Rights
) -> None:
    ask.refused.add(("secrets", ""))
    reply = start(names_what_it_makes)
    assert reply.status_code == 403
    assert "a Secret by a value that only the run will know" in reply.json()["message"]


@pytest.mark.parametrize("trigger", [{"periodic_schedule": {"interval_second": 60}}])
def test_a_recurring_run_is_asked_about_when_it_is_made(
    start: Callable[..., Any], ask: Rights, trigger: dict[str, Any]
) -> None:
    ask.refused.add(("secrets", ""))
    body = {"trigger": trigger, "mode": "ENABLE", "max_concurrency": "1"}
    # A macro is filled in at each start, so that any name could come of it.
    parameters = {"parameters": {"secret": "victim-[[Index]]"}}
    reply = start(names_much, path=RECURRING, runtime_config=parameters, **body)
    assert reply.status_code == 403
    assert start(names_much, path=RECURRING, **body).status_code == 200


def test_a_new_version_names_only_what_its_author_may_use(
    api: TestClient, ir: Callable[[Any], dict[str, Any]], ask: Rights
) -> None:
    """A recurring run of somebody else's may follow the newest version."""
    made = api.post("/apis/v2beta1/pipelines", json={"name": "p", "display_name": "p"}).json()
    path = f"/apis/v2beta1/pipelines/{made['pipeline_id']}/versions"
    ask.refused.add(("secrets", ""))
    body = {"display_name": "v", "pipeline_spec": ir(names_much)}
    assert api.post(path, json=body, headers=WITH_TOKEN).status_code == 403
    body = {"display_name": "v", "pipeline_spec": ir(names_nothing)}
    assert api.post(path, json=body, headers=WITH_TOKEN).status_code == 200


def test_the_runner_s_account_is_everybody_s(start: Callable[..., Any], ask: Rights) -> None:
    for account in ("", "pipeline-runner-ds-pipeline"):
        assert start(names_nothing, headers={}, service_account=account).status_code == 200
    assert ask.asked == []


def test_another_account_takes_the_right_to_be_it(start: Callable[..., Any], ask: Rights) -> None:
    assert start(names_nothing, service_account="builder").status_code == 200
    ((_, asked),) = ask.asked
    assert (asked["verb"], asked["resource"], asked["subresource"], asked["name"]) == (
        "create",
        "serviceaccounts",
        "token",
        "builder",
    )
    ask.refused.add(("serviceaccounts", "builder"))
    reply = start(names_nothing, service_account="builder")
    assert reply.status_code == 403
    assert "service account 'builder'" in reply.json()["message"]


def test_without_a_token_nothing_may_be_named(start: Callable[..., Any], ask: Rights) -> None:
    for pipeline, more in ((names_much, {}), (names_nothing, {"service_account": "builder"})):
        reply = start(pipeline, headers={}, **more)
        assert reply.status_code == 403
        assert "the request has no token" in reply.json()["message"]
    assert ask.asked == []


@pytest.mark.parametrize(("status", "answer"), [(401, 401), (0, 503), (500, 503)])
def test_a_cluster_that_gives_no_answer_is_not_taken_for_a_yes(
    start: Callable[..., Any],
    ask: Rights,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    answer: int,
) -> None:
    def fail(token: str, attributes: Any) -> bool:
        raise ApiError(status, "Reason", "no")

    monkeypatch.setattr(Rights, "__call__", lambda self, token, attributes: fail(token, attributes))
    assert start(names_much).status_code == answer


def test_what_nobody_may_ask_for_is_known_before_there_are_parameters(
    ir: Callable[[Any], dict[str, Any]],
) -> None:
    found = references(PipelineIR(ir(names_much)), None)
    assert Reference("secrets", "") in found
    assert Reference("secrets", "volume") in found


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, ""),
        ({"authorization": "Bearer a"}, "a"),
        ({"authorization": "bearer  a "}, "a"),
        ({"authorization": "Basic a"}, ""),
        # The proxy's word comes first: it takes what it did not write away.
        ({"authorization": "Bearer a", "x-forwarded-access-token": "b"}, "b"),
    ],
)
def test_whose_request_it_is(headers: dict[str, str], token: str) -> None:
    assert token_of(Headers(headers)) == token
