"""Lists: a page token carries its whole list; tags and names have upstream's limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline_server.services.collection import Services
from pipeline_server.services.listing import OPERATIONS, ListRequest, parse_filter
from pipeline_server.services.runs import NewRun

BASE = "/apis/v2beta1"
SORTS = ["", "created_at", "display_name desc", "id asc", "state", "scheduled_at desc"]
SORTS += ["state_history desc", "namespace", "runtime_details desc", "experiment_id desc"]
FILTERS = [
    "",
    json.dumps({"predicates": [{"operation": 9, "key": "name", "stringValue": "e"}]}),
    json.dumps({"predicates": [{"operation": "NOT_EQUALS", "key": "name", "stringValue": "one"}]}),
]


def names(services: Services, request: ListRequest, **scope: str) -> tuple[list[str], str]:
    page = services.runs.list(request, **scope)
    return [run.display_name for run in page.items], page.next_token


@pytest.fixture
def runs(services: Services, spec: dict[str, Any]) -> str:
    """Runs of two experiments; gives the id of one."""
    experiment = services.experiments.create("e").id
    for name in ("one", "two", "three", "eleven", "seven"):
        for owner in ("", experiment):
            services.runs.create(NewRun(display_name=name, spec=spec, experiment_id=owner))
    return experiment


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)
@given(
    sort=st.sampled_from(SORTS),
    text=st.sampled_from(FILTERS),
    size=st.integers(1, 4),
    within=st.booleans(),
    again=st.sets(st.sampled_from(["sort_by", "filter", "experiment_id"])),
)
def test_a_token_goes_on_with_its_list(
    services: Services, runs: str, sort: str, text: str, size: int, within: bool, again: set[str]
) -> None:
    """Page by page, whatever of the list is said again, gives what one page gives."""
    scope = {"experiment_id": runs} if within else {}
    conditions = parse_filter(text)
    whole, _ = names(services, ListRequest("", 100, sort, conditions), **scope)
    found, token = names(services, ListRequest("", size, sort, conditions), **scope)
    while token:
        request = ListRequest(
            token,
            size,
            sort if "sort_by" in again else "",
            conditions if "filter" in again else None,
        )
        more, token = names(services, request, **(scope if "experiment_id" in again else {}))
        found += more
    assert found == whole


@pytest.mark.parametrize(
    ("kind", "operation", "key", "value", "some"),
    [
        ("runs", "EQUALS", "namespace", "mnist", True),
        ("runs", "NOT_EQUALS", "namespace", "mnist", False),
        ("runs", "IN", "namespace", ["other"], False),
        ("runs", "IS_SUBSTRING", "state_history", "PENDING", True),
        ("runs", "IS_SUBSTRING", "state_history", "FAILED", False),
        ("runs", "EQUALS", "runtime_details", "", True),
        ("experiments", "EQUALS", "namespace", "mnist", True),
        ("pipelines", "EQUALS", "namespace", "other", False),
        ("recurringruns", "EQUALS", "pipeline_name", "uploaded", True),
        ("recurringruns", "IS_SUBSTRING", "pipeline_name", "another", False),
        ("recurringruns", "IN", "pipeline_name", ["x", "uploaded"], True),
        ("versions", "EQUALS", "status", "READY", True),
        ("versions", "EQUALS", "status", "DELETING", False),
        ("versions", "IS_SUBSTRING", "pipeline_spec", "schemaVersion", True),
        ("versions", "IS_SUBSTRING", "pipeline_spec", "not in it", False),
    ],
)
def test_what_no_table_of_ours_has_is_filtered_and_sorted_by(
    api: TestClient,
    upload: Any,
    compile_pipeline: Any,
    kind: str,
    operation: str,
    key: str,
    value: str | list[str],
    some: bool,
) -> None:
    """Upstream's keys of columns that this server has not; page by page, too."""
    from .pipelines import two_steps

    pipeline = upload(compile_pipeline(two_steps)).json()["pipeline_id"]
    path = f"{BASE}/pipelines/{pipeline}/versions" if kind == "versions" else f"{BASE}/{kind}"
    (version,) = api.get(f"{BASE}/pipelines/{pipeline}/versions").json()["pipeline_versions"]
    reference = {"pipeline_id": pipeline, "pipeline_version_id": version["pipeline_version_id"]}
    for name in ("one", "two"):
        made = {"display_name": name, "pipeline_version_reference": reference}
        assert api.post(f"{BASE}/runs", json=made).status_code == 200
        assert api.post(f"{BASE}/recurringruns", json={**made, "mode": "ENABLE"}).status_code == 200
    chosen = {"stringValues": {"values": value}} if operation == "IN" else {"stringValue": value}
    text = json.dumps({"predicates": [{"operation": operation, "key": key, **chosen}]})
    query = {"filter": text, "sort_by": f"{key} desc", "page_size": 1}
    reply = api.get(path, params=query).json()
    assert bool(reply.get("total_size")) is some, reply
    seen = int(bool(reply))
    while token := reply.get("next_page_token"):
        reply = api.get(path, params={"page_token": token, "page_size": 1}).json()
        seen += 1
    assert seen == (api.get(path, params={"filter": text}).json().get("total_size") or 0)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"sort_by": "display_name asc"}, "sort_by must be as on the list's first page"),
        ({"sort_by": "created_at desc"}, "sort_by"),
        ({"filter": FILTERS[1]}, "filter"),
        ({"experiment_id": "another"}, "experiment_id"),
        ({"filter": FILTERS[1], "sort_by": "id"}, "sort_by and filter"),
    ],
)
def test_another_list_is_refused(
    api: TestClient, runs: str, query: dict[str, str], words: str
) -> None:
    first = {"page_size": 2, "sort_by": "display_name desc", "experiment_id": runs}
    token = api.get(f"{BASE}/runs", params=first).json()["next_page_token"]
    reply = api.get(f"{BASE}/runs", params={"page_token": token, **query})
    assert reply.status_code == 400
    assert words in reply.json()["message"]


@pytest.mark.parametrize(
    ("operation", "value", "expected"),
    [
        ("EQUALS", {"string_value": "a"}, ["one"]),
        ("IN", {"string_values": {"values": ["a", "b"]}}, ["one", "two"]),
        ("IS_SUBSTRING", {"string_value": "b"}, ["two"]),
        ("EQUALS", {"string_value": "c"}, []),
    ],
)
@pytest.mark.parametrize("key", ["team", "équipe 1", "$.x".replace(".", "-")])
def test_pipelines_are_found_by_their_tags(
    api: TestClient, key: str, operation: str, value: Any, expected: list[str]
) -> None:
    for name, tags in (("one", {key: "a"}), ("two", {key: "b"}), ("three", {})):
        assert api.post(f"{BASE}/pipelines", json={"name": name, "tags": tags}).status_code == 200
    wanted = {"predicates": [{"operation": operation, "key": f"tags.{key}", **value}]}
    query = {"filter": json.dumps(wanted), "sort_by": "created_at"}
    found = api.get(f"{BASE}/pipelines", params=query).json().get("pipelines", [])
    assert [item["name"] for item in found] == expected


@pytest.mark.parametrize("key", ["tags.", "tags.a.b", 'tags."', "tags"])
def test_a_tag_s_filter_names_a_tag(api: TestClient, key: str) -> None:
    wanted = {"predicates": [{"operation": 1, "key": key, "string_value": "a"}]}
    reply = api.get(f"{BASE}/pipelines", params={"filter": json.dumps(wanted)})
    assert reply.status_code == 400


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({str(number): "x" for number in range(20)}, 200),
        ({str(number): "x" for number in range(21)}, 400),
        ({"é" * 63: "é" * 63}, 200),
        ({"k" * 64: "v"}, 400),
        ({"k": "v" * 64}, 400),
        ({"a.b": "v"}, 400),
        ({"": "v"}, 400),
    ],
)
def test_the_limits_of_tags(api: TestClient, tags: dict[str, str], status: int) -> None:
    reply = api.post(f"{BASE}/pipelines", json={"name": "p", "tags": tags})
    assert reply.status_code == status, reply.text


@pytest.mark.parametrize("over", [0, 1])
def test_the_limits_of_names(api: TestClient, spec: dict[str, Any], over: int) -> None:
    pipeline = api.post(f"{BASE}/pipelines", json={"name": "p"}).json()["pipeline_id"]
    for path, body, limit in (
        ("/experiments", "display_name", 128),
        ("/pipelines", "name", 128),
        (f"/pipelines/{pipeline}/versions", "name", 127),
    ):
        more = {"pipeline_spec": spec} if "versions" in path else {}
        reply = api.post(f"{BASE}{path}", json={body: "x" * (limit + over), **more})
        assert reply.status_code == (400 if over else 200), reply.text


def test_a_pipeline_with_versions_goes_when_that_is_asked_for(
    api: TestClient, spec: dict[str, Any]
) -> None:
    made = api.post(f"{BASE}/pipelines", json={"name": "p"}).json()["pipeline_id"]
    path = f"{BASE}/pipelines/{made}"
    api.post(f"{path}/versions", json={"name": "v", "pipeline_spec": spec})
    refused = api.delete(path)
    assert refused.status_code == 400
    assert "cascade=true" in refused.json()["message"]
    assert api.delete(path, params={"cascade": "true"}).status_code == 200
    assert api.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/runs", "/recurringruns"])
def test_a_run_needs_a_name(api: TestClient, spec: dict[str, Any], path: str) -> None:
    reply = api.post(BASE + path, json={"pipeline_spec": spec})
    assert reply.status_code == 400
    assert "display_name is required" in reply.json()["message"]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["2026-01-01T00:00:00.123456789Z", "%_\\", "5", "2026-13-01T00:00:00Z"]),
)
KEYS = ["id", "display_name", "created_at", "finished_at", "state", "storage_state", "namespace"]
KEYS += ["state_history", "runtime_details", "experiment_id", "tags.a", "metric:x"]
PREDICATES = st.fixed_dictionaries(
    {
        "operation": st.sampled_from([*OPERATIONS, *OPERATIONS.values(), 0, 4, "equals", None]),
        "key": st.sampled_from(KEYS),
    }
).flatmap(
    lambda predicate: st.dictionaries(
        st.sampled_from(["stringValue", "int_value", "longValue", "timestampValue"])
        | st.sampled_from(["stringValues", "int_values", "longValues"]),
        VALUES | st.lists(VALUES, max_size=2).map(lambda values: {"values": values}),
        max_size=2,
    ).map(lambda values: {**predicate, **values})
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200
)
@given(predicate=PREDICATES)
@example(predicate={"operation": 9, "key": "created_at", "stringValue": "2026"})
@example(predicate={"operation": 9, "key": "state", "intValue": 5})
@example(predicate={"operation": 1, "key": "state", "stringValue": {"a": 1}})
@example(predicate={"operation": 8, "key": "created_at", "stringValues": {"values": [True]}})
def test_any_filter_is_answered_or_refused_in_words(
    api: TestClient, predicate: dict[str, Any]
) -> None:
    """Whatever the predicate says, also of a key that it does not fit."""
    reply = api.get(f"{BASE}/runs", params={"filter": json.dumps({"predicates": [predicate]})})
    assert reply.status_code in (200, 400), reply.text
    if reply.status_code == 400:
        assert len(reply.json()["message"]) > 20
