"""Every answer of the API as upstream's own messages, read strictly; requests held against them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import kfp_server_api
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kfp_server_api.models.pipeline_task_detail_child_task import PipelineTaskDetailChildTask

from pipeline_server.api.contract import CONTRACT, WHOLE, Field
from pipeline_server.errors import InvalidArgumentError

from .pipelines import artifacts, guarded, loop, two_steps
from .wire import assert_wire
from .world import World

BASE = "/apis/v2beta1"


# -- the contract against the generated client -----------------------------------------------------


def _client_model(message: str) -> Any:
    if message == "ChildTask":
        return PipelineTaskDetailChildTask
    prefix = "GoogleRpc" if message == "Status" else "V2beta1"
    return getattr(kfp_server_api, f"{prefix}{message}", None)


def _client_type(item: Field) -> str:
    scalars = {
        "string": "str",
        "int64": "str",
        "int32": "int",
        "timestamp": "datetime",
        "struct": "object",
        "value": "object",
        "bool": "bool",
        "any": "ProtobufAny",
        "Status": "GoogleRpcStatus",
        "ChildTask": "PipelineTaskDetailChildTask",
        "StorageState": "StorageState",
        "Mode": "RecurringRunMode",
        "RenderType": "MetadataValueRenderType",
    }
    plain = scalars.get(item.kind, f"V2beta1{item.kind}")
    if item.repeated:
        return f"list[{plain}]"
    return f"dict(str, {plain})" if item.mapped else plain


@pytest.mark.parametrize("message", [name for name in CONTRACT.messages if _client_model(name)])
def test_the_contract_is_that_of_the_published_client(message: str) -> None:
    types = _client_model(message).openapi_types
    ours = {
        # The client spells the proto's one camel-case field its own way.
        "recurring_runs" if item.name == "recurringRuns" else item.name: _client_type(item)
        for item in CONTRACT.messages[message].values()
    }
    assert set(ours) == set(types)
    for name, kind in ours.items():
        assert types[name].endswith(kind), (name, types[name])


def test_enums_are_those_of_the_published_client() -> None:
    for name, model in {
        "RuntimeState": kfp_server_api.V2beta1RuntimeState,
        "StorageState": kfp_server_api.V2beta1RunStorageState,
        "Mode": kfp_server_api.RecurringRunMode,
        "RecurringRunStatus": kfp_server_api.V2beta1RecurringRunStatus,
        "PluginState": kfp_server_api.V2beta1PluginState,
    }.items():
        assert list(CONTRACT.enums[name]) == model.allowable_values


# -- answers -----------------------------------------------------------------------------------


@pytest.fixture
def walked(
    api: TestClient, world: World, upload: Callable[..., Any], spec: dict[str, Any], ir: Any
) -> list[tuple[str, Any]]:
    """Answers of every call there is, over things in many states."""
    seen: list[tuple[str, Any]] = []

    def call(message: str, method: str, path: str, status: int = 200, **options: Any) -> Any:
        reply = api.request(method, BASE + path, **options)
        assert reply.status_code == status, reply.text
        seen.append((message, reply.json()))
        return reply.json()

    _walk_experiments(call)
    _walk_pipelines(call, spec)
    _walk_runs(call, world, spec, ir)
    _walk_recurring_runs(call, spec)
    return seen


def _walk_experiments(call: Callable[..., Any]) -> None:
    call("ListExperimentsResponse", "GET", "/experiments")
    made = call("Experiment", "POST", "/experiments", json={"display_name": "e"})
    one = f"/experiments/{made['experiment_id']}"
    call("Empty", "POST", f"{one}:archive")
    call("Experiment", "GET", one)
    call("Empty", "POST", f"{one}:unarchive")
    call("ListExperimentsResponse", "GET", "/experiments")
    call("Empty", "DELETE", one)
    call("Status", "GET", one, 404)
    call("Status", "POST", "/experiments", 400, json={"display_nam": "e"})


def _walk_pipelines(call: Callable[..., Any], spec: dict[str, Any]) -> None:
    call("ListPipelinesResponse", "GET", "/pipelines")
    body = {"name": "p", "description": "d", "tags": {"team": "a"}}
    made = call("Pipeline", "POST", "/pipelines", json=body)
    one = f"/pipelines/{made['pipeline_id']}"
    call("ListPipelineVersionsResponse", "GET", f"{one}/versions")
    version = call(
        "PipelineVersion",
        "POST",
        f"{one}/versions",
        json={"name": "v", "pipeline_spec": spec, "tags": {"team": "a"}},
    )
    call("Pipeline", "GET", "/pipelines/names/p")
    call("Pipeline", "PATCH", one, json={"display_name": "other"})
    path = f"{one}/versions/{version['pipeline_version_id']}"
    call("PipelineVersion", "PATCH", path, json={"description": "other"})
    call("PipelineVersion", "GET", path)
    call("ListPipelineVersionsResponse", "GET", f"{one}/versions")
    call(
        "Pipeline",
        "POST",
        "/pipelines/create",
        json={"pipeline": {"name": "q"}, "pipeline_version": {"pipeline_spec": spec}},
    )
    files = {"uploadfile": ("p.yaml", json.dumps(spec).encode())}
    call("Pipeline", "POST", "/pipelines/upload", params={"name": "u"}, files=files)
    wanted = {"pipelineid": made["pipeline_id"], "name": "w"}
    call("PipelineVersion", "POST", "/pipelines/upload_version", params=wanted, files=files)
    for size in (1, 50):
        call("ListPipelinesResponse", "GET", "/pipelines", params={"page_size": size})
    call("Empty", "DELETE", path)


def _walk_runs(call: Callable[..., Any], world: World, spec: dict[str, Any], ir: Any) -> None:
    call("ListRunsResponse", "GET", "/runs")
    inline = {"display_name": "inline", "description": "d", "pipeline_spec": spec}
    made = call("Run", "POST", "/runs", json={**inline, "runtime_config": {"parameters": {"n": 2}}})
    call("Empty", "POST", f"/runs/{made['run_id']}:archive")
    call("Empty", "POST", f"/runs/{made['run_id']}:unarchive")
    pipeline = call("ListPipelinesResponse", "GET", "/pipelines")["pipelines"][0]["pipeline_id"]
    versions = call("ListPipelineVersionsResponse", "GET", f"/pipelines/{pipeline}/versions")
    reference = {
        "pipeline_id": pipeline,
        "pipeline_version_id": versions["pipeline_versions"][0]["pipeline_version_id"],
    }
    body = {"display_name": "stored", "pipeline_version_reference": reference}
    stored = call("Run", "POST", "/runs", json=body)
    assert stored["pipeline_version_reference"] == reference
    for pipeline_of, code in ((two_steps, 1), (loop, 0), (guarded, 1), (artifacts, 0)):
        run_id = world.start(ir(pipeline_of))
        world.turn(run_id)
        for pod in list(world.cluster.created):
            world.report(pod, code)
        world.cluster.created.clear()
        world.turn(run_id)
        call("Run", "GET", f"/runs/{run_id}")
    call("Empty", "POST", f"/runs/{made['run_id']}:terminate")
    call("Status", "POST", f"/runs/{made['run_id']}:terminate", 400)
    for page in ({"page_size": 2}, {"sort_by": "created_at desc"}):
        call("ListRunsResponse", "GET", "/runs", params=page)
    call("Status", "POST", f"/runs/{stored['run_id']}:retry", 400)
    call("Empty", "DELETE", f"/runs/{stored['run_id']}")
    call("Status", "GET", "/runs/nobody", 404)


def _walk_recurring_runs(call: Callable[..., Any], spec: dict[str, Any]) -> None:
    call("ListRecurringRunsResponse", "GET", "/recurringruns")
    for trigger in (
        {},
        {"cron_schedule": {"cron": "@daily", "start_time": "2030-01-01T00:00:00Z"}},
        {"periodic_schedule": {"interval_second": "60", "end_time": "2030-01-01T00:00:00.5Z"}},
    ):
        body = {"display_name": "r", "pipeline_spec": spec, "trigger": trigger, "mode": "ENABLE"}
        made = call("RecurringRun", "POST", "/recurringruns", json=body)
        one = f"/recurringruns/{made['recurring_run_id']}"
        call("Empty", "POST", f"{one}:disable")
        call("RecurringRun", "GET", one)
        call("Empty", "POST", f"{one}:enable")
    call("ListRecurringRunsResponse", "GET", "/recurringruns", params={"page_size": 1})
    call("Empty", "DELETE", one)


def test_every_answer_is_one_of_upstream_s_messages(walked: list[tuple[str, Any]]) -> None:
    for message, answer in walked:
        assert_wire(message, answer)
    tasks = [
        task
        for message, answer in walked
        if message == "Run"
        for task in answer["run_details"].get("task_details", [])
    ]
    assert any(task.get("child_tasks") for task in tasks), "a graph with children was seen"
    assert any(task.get("error") for task in tasks)
    assert {message for message, _ in walked} >= {
        name for name in CONTRACT.messages if name.startswith("List")
    }


def test_what_the_messages_have_no_room_for_stands_beside_them(
    api: TestClient, world: World, ir: Any
) -> None:
    run_id = world.start(ir(two_steps), n=4)
    world.turn(run_id)
    tasks = api.get(f"{BASE}/runs/{run_id}/tasks").json()["tasks"]
    assert {task["kind"] for task in tasks} == {"DAG", "CONTAINER"}
    assert [task["input_parameters"] for task in tasks if task["name"] == "add"] == [
        {"a": 4, "b": 1}
    ]


# -- requests ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/runs", {"display_nam": "x"}, "unknown field 'display_nam' in Run"),
        ("/runs", {"runtime_config": {"parameter": {}}}, "'parameter' in runtime_config"),
        ("/runs", {"displayName": "a", "display_name": "b"}, "'display_name' twice"),
        (
            "/runs",
            {"pipeline_version_id": "a", "pipeline_version_reference": {"pipeline_id": "b"}},
            "only one may be set",
        ),
        ("/runs", {"pipeline_spec": {}, "pipeline_version_id": "a"}, "only one may be set"),
        ("/runs", {"state": "GOING"}, "state 'GOING' must be one of"),
        ("/runs", {"runtime_config": {"parameters": []}}, "must be an object"),
        ("/runs", {"created_at": 7}, "created_at must be an RFC 3339 time"),
        ("/runs", [], "Run must be an object, not a list"),
        ("/experiments", {"name": "x"}, "unknown field 'name' in Experiment"),
        ("/pipelines", {"tags": {"a": 1}}, "must be a text"),
        ("/pipelines/create", {"pipelin": {}}, "unknown field 'pipelin'"),
        ("/recurringruns", {"max_concurrency": "many"}, "must be an integer (int64)"),
        ("/recurringruns", {"no_catchup": "yes"}, "must be true or false"),
        ("/recurringruns", {"trigger": {"cron": {}}}, "unknown field 'cron' in trigger"),
        (
            "/recurringruns",
            {"trigger": {"cron_schedule": {}, "periodic_schedule": {}}},
            "only one may be set",
        ),
    ],
)
def test_a_request_is_its_message_and_nothing_beside_it(
    api: TestClient, path: str, body: Any, words: str
) -> None:
    reply = api.post(BASE + path, json=body)
    assert reply.status_code == 400
    assert words in reply.json()["message"]


TEXT = st.text(st.sampled_from('aZé_0 "{[💡'), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)


def _values(kind: str, depth: int) -> st.SearchStrategy[Any]:
    if kind in CONTRACT.messages:
        return _messages(kind, depth - 1)
    if kind in CONTRACT.enums:
        return st.sampled_from(list(CONTRACT.enums[kind]))
    if kind in WHOLE:
        return st.integers(-WHOLE[kind], WHOLE[kind] - 1)
    moments = st.datetimes().map(lambda moment: moment.replace(microsecond=0).isoformat() + "Z")
    return {
        "string": TEXT,
        "bytes": st.just("aGk="),
        "bool": st.booleans(),
        "timestamp": moments,
        "struct": st.dictionaries(TEXT, PLAIN, max_size=2),
        "value": PLAIN,
    }[kind]


@st.composite
def _messages(draw: Any, message: str, depth: int = 3) -> Any:
    """A message with some of its fields, of a oneof at most one."""
    result: dict[str, Any] = {}
    taken = {
        name
        for members in CONTRACT.oneofs.get(message, {}).values()
        for name in set(members) - {draw(st.sampled_from(members))}
    }
    for item in CONTRACT.messages[message].values():
        skipped = item.name in taken or item.kind == "any"
        if skipped or (item.kind in CONTRACT.messages and depth < 1) or not draw(st.booleans()):
            continue
        value = _values(item.kind, depth)
        if item.repeated:
            value = st.lists(value, max_size=2)
        elif item.mapped:
            value = st.dictionaries(TEXT, value, max_size=2)
        result[item.name] = draw(value)
    return result


CASES = st.sampled_from(sorted(CONTRACT.messages)).flatmap(
    lambda message: st.tuples(st.just(message), _messages(message))
)
QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(CASES)
def test_what_is_written_is_what_protobuf_writes(case: tuple[str, Any]) -> None:
    message, content = case
    CONTRACT.check(message, content)
    assert_wire(message, CONTRACT.write(message, content))


@QUICK
@given(CASES, TEXT)
def test_an_unknown_field_is_refused_wherever_it_stands(case: tuple[str, Any], key: str) -> None:
    message, content = case
    known = {item.json_name for item in CONTRACT.messages[message].values()}
    if key in known | set(CONTRACT.messages[message]):
        return
    with pytest.raises(InvalidArgumentError, match="unknown field"):
        CONTRACT.check(message, {**content, key: 1})
