"""The kinds as the API server has them: they refuse and drop what upstream's do.

Random objects are made from upstream's schemas, legal ones and ones spoilt in one place, and sent
to the API server as a dry run. What is to become of each is computed from upstream's own data.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from upstream_data import upstream_definitions

from lab_ground.kubernetes.client import KubernetesClient, get_client
from lab_ground.kubernetes.errors import ApiError
from lab_playbook.kinds import API_VERSION, KIND, as_served, present_definitions, replacement
from resource_definitions.definitions import DEFAULT_VERSION, VERSIONS, definitions, kubernetes
from resource_definitions.kubernetes import from_document
from resource_definitions.structural import pruned, with_defaults

PROJECT = Path(__file__).resolve().parents[3]
CASES = 10
SEED = 1795
# A value for each pattern that upstream's schemas have; the object is checked whole in any case.
# Fields under rules in CEL, which are not computed here.
UNDER_RULES = {"httpHeaders", "externalCertificate", "scheduling"}
WORDS = ("a", "a.example", "/a", "1", "100m", "5s", "rhoai")


@pytest.fixture(scope="module")
def client() -> KubernetesClient:
    os.environ.setdefault("KUBECONFIG", str(PROJECT / ".lab/kubeconfig"))
    return get_client()


class Maker:
    """Makes values by a schema, few and small."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def make(self, schema: dict[str, Any], depth: int = 0) -> Any:
        """A value that the schema allows, as far as types, enums and limits tell."""
        if schema.get("enum"):
            return self._chance.choice(schema["enum"])
        if schema.get("x-kubernetes-int-or-string"):
            return self._chance.choice([1, "1"])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            # One of a kind: entries of a list that is a map must differ.
            return [self.make(schema["items"], depth + 1)] if depth < 12 else []
        if kind == "boolean":
            return self._chance.choice([True, False])
        if kind in ("integer", "number"):
            return max(int(schema.get("minimum", 1)), 1)
        if schema.get("format") == "date-time":
            return "2026-01-01T00:00:00Z"
        return self._chance.choice(WORDS)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        fields = {
            name: field
            for name, field in schema.get("properties", {}).items()
            if name not in UNDER_RULES
        }
        if not fields:
            more = schema.get("additionalProperties")
            return {"key": self.make(more, depth + 1)} if isinstance(more, dict) else {}
        required = set(schema.get("required", ()))
        few = min(len(fields), 3 if depth > 1 else 5)
        chosen = required | set(self._chance.sample(sorted(fields), few))
        return {name: self.make(fields[name], depth + 1) for name in sorted(chosen)}


def places(value: Any) -> Iterator[Any]:
    """Every mapping within a value."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from places(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from places(inner)


def spoil(value: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The value with one thing in it unknown, of another type, or gone."""
    spoilt = copy.deepcopy(value)
    place = chance.choice(list(places(spoilt)))
    what = chance.choice(["unknown", "type", "gone"])
    if what == "unknown" or not place:
        place["strayField"] = {"deep": 1}
        return spoilt
    name = chance.choice(sorted(place))
    if what == "gone":
        del place[name]
    else:
        place[name] = [1] if isinstance(place[name], dict) else {"a": 1}
    return spoilt


def ask(client: KubernetesClient, plural: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """What the API server would store, or None where it refuses."""
    path = f"/apis/{body['apiVersion']}/namespaces/default/{plural}?dryRun=All"
    if body["kind"] == "DataScienceCluster":
        path = f"/apis/{body['apiVersion']}/{plural}?dryRun=All"
    try:
        return client.request("POST", path, body=body)
    except ApiError as error:
        if error.status not in (400, 422):
            raise
        return None


@pytest.mark.parametrize(
    ("kind", "version", "schema"),
    [
        pytest.param(spec, version["name"], version["schema"]["openAPIV3Schema"],
                     id=f"{spec['names']['kind']}-{version['name']}")
        for spec in upstream_definitions(DEFAULT_VERSION).values()
        for version in spec["versions"]
        if version["served"]
    ],
)  # fmt: skip
def test_random_objects_fare_as_upstream(
    client: KubernetesClient, kind: dict[str, Any], version: str, schema: dict[str, Any]
) -> None:
    chance = random.Random(f"{SEED}{kind['names']['kind']}{version}")
    maker = Maker(chance)
    schema = json.loads(json.dumps(schema), object_hook=without_nulls)
    validator = Draft202012Validator(schema)
    stored_as = next(
        json.loads(json.dumps(entry["schema"]["openAPIV3Schema"]), object_hook=without_nulls)
        for entry in kind["versions"]
        if entry["storage"]
    )
    taken = refused = 0
    for number in range(CASES * 2):
        value = maker.make({**schema, "properties": without_own(schema)})
        if number % 2:
            value = spoil(value, chance)
        # A name of its own keeps an existing object out of it.
        body = {
            "apiVersion": f"{kind['group']}/{version}",
            "kind": kind["names"]["kind"],
            "metadata": {"name": f"random-{number}"},
            **value,
        }
        # The server prunes, defaults and checks, in that order; status is another door.
        body.pop("status", None)
        wanted = with_defaults(schema, pruned(schema, body))
        legal = validator.is_valid(wanted)
        stored = ask(client, kind["names"]["plural"], body)
        told = f"{body['kind']} {json.dumps(body)[:2000]}"
        assert (stored is not None) == legal, told
        if stored is None:
            refused += 1
            continue
        taken += 1
        # Between versions nothing is converted: the one that is stored has the last word.
        wanted = with_defaults(stored_as, pruned(stored_as, wanted))
        assert stored.get("spec") == wanted.get("spec"), told
    assert taken
    print(f"{kind['names']['kind']} {version}: {taken} taken, {refused} refused")


def without_nulls(node: dict[str, Any]) -> dict[str, Any]:
    """Keywords without a value are left out, as the server leaves them out."""
    return {key: value for key, value in node.items() if value is not None}


def without_own(schema: dict[str, Any]) -> dict[str, Any]:
    """The fields of an object apart from those that every object has."""
    return {
        name: field
        for name, field in schema["properties"].items()
        if name not in ("apiVersion", "kind", "metadata", "status")
    }


def test_what_comes_from_kubernetes_is_current(client: KubernetesClient) -> None:
    """kubernetes.json is what this Kubernetes' own document says; see src/resource_definitions."""
    document = client.request("GET", "/openapi/v2")
    assert from_document(document) == kubernetes()


def test_what_is_served_is_what_is_written_down_and_is_not_written_again(
    client: KubernetesClient,
) -> None:
    """A repeated installation compares with what the server fills in, for every version's kinds."""
    present = present_definitions(client)
    assert not [
        entry["metadata"]["name"]
        for entry in definitions(DEFAULT_VERSION)
        if replacement(entry, present.get(entry["metadata"]["name"])) is not None
    ]
    for version in VERSIONS:
        for entry in definitions(version):
            name = entry["metadata"]["name"]
            version_of = present.get(name, {}).get("metadata", {}).get("resourceVersion")
            trial = {**entry, "metadata": {**entry["metadata"], "resourceVersion": version_of}}
            method, query = (
                ("PUT", {"dryRun": "All"}) if version_of else ("POST", {"dryRun": "All"})
            )
            path = client.path(API_VERSION, KIND, None, name if version_of else None)
            stored = client.request(method, path, query=query, body=trial)
            assert as_served(stored) == stored["spec"], f"{name} in {version}"
            assert stored["spec"] == as_served(entry), f"{name} in {version}"
