"""The notation of kinds: what becomes of each word of it, and what an API server does by it."""

from __future__ import annotations

from typing import Any

import pytest

from resource_definitions.definitions import (
    VERSIONS,
    UnknownVersionError,
    definitions,
    kubernetes,
)
from resource_definitions.notation import WELL_KNOWN, Expander, NotationError, merge
from resource_definitions.structural import pruned, unknown_fields, with_defaults

POD = {
    "Pod": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "port": {"like": "Port"}},
        "required": ["name"],
    },
    "Port": {"type": "integer", "maximum": 65535},
}


def expand(node: dict[str, Any], define: Any = None, changes: Any = None) -> dict[str, Any]:
    return Expander(define or {}, POD, changes or {}).expand(node)


def test_a_name_stands_for_its_schema() -> None:
    assert expand({"like": "Pod"}) == {
        "type": "object",
        "properties": {"name": {"type": "string"}, "port": {"type": "integer", "maximum": 65535}},
        "required": ["name"],
    }


def test_fields_come_and_go() -> None:
    node = {"like": "Pod", "with": {"more": {"like": "Port"}}, "without": ["name"]}
    assert expand(node)["properties"].keys() == {"port", "more"}


def test_keywords_change_and_go() -> None:
    node = {"like": "Pod", "but": {"required": None, "properties": {"name": {"maxLength": 3}}}}
    found = expand(node)
    assert "required" not in found
    assert found["properties"]["name"] == {"type": "string", "maxLength": 3}


def test_the_kind_s_own_definition_comes_first() -> None:
    assert expand({"like": "Port"}, define={"Port": {"type": "string"}}) == {"type": "string"}


def test_a_release_differs_by_definition() -> None:
    found = expand(
        {"type": "array", "items": {"like": "Pod"}},
        changes={"Port": {"maximum": None, "default": 8080}, "Pod": {"properties": {"name": None}}},
    )
    assert found["items"]["properties"] == {"port": {"type": "integer", "default": 8080}}


def test_a_default_beside_a_name_is_the_place_s_own() -> None:
    assert expand({"like": "Port", "default": 1}) == {**POD["Port"], "default": 1}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(NotationError, match="Prot: neither this kind nor Kubernetes defines it"):
        expand({"like": "Prot"})
    with pytest.raises(NotationError, match="Prot: Kubernetes has no such definition"):
        expand({"like": "Port"}, changes={"Prot": {}})


def test_merging_leaves_the_original_alone() -> None:
    before = {"a": {"b": 1, "c": 2}}
    assert merge(before, {"a": {"b": None}}) == {"a": {"c": 2}}
    assert before == {"a": {"b": 1, "c": 2}}


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(UnknownVersionError, match=r"2\.17 is not written down.*2\.16, 2\.25, 3\.5"):
        definitions("2.17")


def parts(node: Any) -> Any:
    """Every mapping within a schema."""
    if isinstance(node, dict):
        yield node
    for value in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from parts(value)


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_of_the_notation_is_left(version: str) -> None:
    for definition in definitions(version):
        spec = definition["spec"]
        assert definition["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
        assert sum(served["storage"] for served in spec["versions"]) == 1
        for part in parts(spec):
            assert not isinstance(part.get("like"), str), part


@pytest.mark.parametrize("version", VERSIONS)
def test_unknown_fields_vanish_but_for_upstream_s_own_exceptions(version: str) -> None:
    """Where upstream keeps unknown fields it says so; nothing of ours does."""
    keep = {
        definition["metadata"]["name"]
        for definition in definitions(version)
        for part in parts(definition["spec"])
        if part.get("x-kubernetes-preserve-unknown-fields")
    }
    # The objects of a Template are of any kind.
    assert keep - {"templates.template.openshift.io"} <= {
        "inferenceservices.serving.kserve.io",
        "odhdashboardconfigs.opendatahub.io",
        "services.serving.knative.dev",
        "servingruntimes.serving.kserve.io",
    }


def test_kubernetes_definitions_name_each_other() -> None:
    known = {*kubernetes(), *WELL_KNOWN}
    assert {
        part["like"] for part in parts(kubernetes()) if isinstance(part.get("like"), str)
    } <= known


SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "deep": {
                    "type": "object",
                    "default": {},
                    "properties": {"port": {"type": "integer", "default": 80}},
                },
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "list": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                },
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    },
}


def test_what_would_be_dropped_is_told_by_its_path() -> None:
    value = {
        "apiVersion": "v1",
        "kind": "X",
        "metadata": {"anything": 1},
        "spec": {
            "labels": {"a": "b"},
            "list": [{"name": "x"}, {"name": "y", "nmae": "z"}],
            "free": {"whatever": 1},
            "other": 1,
        },
        "stray": 1,
    }
    assert list(unknown_fields(SCHEMA, value)) == ["spec.list[1].nmae", "spec.other", "stray"]
    stored = pruned(SCHEMA, value)
    assert list(unknown_fields(SCHEMA, stored)) == []
    assert stored["spec"] == {
        "labels": {"a": "b"},
        "list": [{"name": "x"}, {"name": "y"}],
        "free": {"whatever": 1},
    }


def test_defaults_are_filled_in_within_defaults() -> None:
    assert with_defaults(SCHEMA, {"spec": {}}) == {"spec": {"deep": {"port": 80}}}
    assert with_defaults(SCHEMA, {}) == {}
