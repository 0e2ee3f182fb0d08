"""The kinds are installed by replacing those that differ, and no others."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import InvalidError, NotFoundError
from lab_ground.kubernetes.manifest import Manifest
from lab_playbook import kinds
from lab_playbook.outcome import TaskError
from resource_definitions.definitions import PLAYED, definitions

WANTED = definitions("2.25")


class ApiServer(KubernetesClient):
    """An API server as far as definitions go: fills in what it fills in, and serves what it has."""

    def __init__(self) -> None:
        self.stored: dict[str, Manifest] = {}
        self.writes: list[str] = []
        self.refuses = ""
        self.serves = True

    def list_objects(self, *_: object, **__: object) -> list[Manifest]:
        return [copy.deepcopy(entry) for entry in self.stored.values()]

    def _keep(self, manifest: Any) -> Manifest:
        name = manifest["metadata"]["name"]
        if name == self.refuses:
            raise InvalidError(422, "Invalid", "spec.names.kind: Invalid value")
        self.writes.append(name)
        kept = copy.deepcopy(dict(manifest))
        kept["spec"] = kinds.as_served(kept)
        state = "True" if self.serves else "False"
        kept["status"] = {"conditions": [{"type": "Established", "status": state}]}
        kept["metadata"]["resourceVersion"] = str(len(self.writes))
        self.stored[name] = kept
        return kept

    def create(self, manifest: Any, namespace: str | None = None) -> Manifest:
        assert manifest["metadata"]["name"] not in self.stored
        return self._keep(manifest)

    def replace(self, manifest: Any) -> Manifest:
        before = self.stored.get(manifest["metadata"]["name"])
        if before is None:
            raise NotFoundError(404, "NotFound", "none")
        assert before["metadata"]["resourceVersion"] == manifest["metadata"]["resourceVersion"]
        return self._keep(manifest)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    server = ApiServer()
    monkeypatch.setattr(kinds, "open_client", lambda: server)
    return server


def install(version: str = "2.25", check_mode: bool = False, timeout: int = 1) -> dict[str, Any]:
    return kinds.install({"version": version, "timeout": timeout}, check_mode)


def test_a_second_time_nothing_is_written(server: ApiServer) -> None:
    assert install()["changed"] is True
    assert sorted(server.writes) == [entry["metadata"]["name"] for entry in WANTED]
    server.writes.clear()
    assert install() == {"changed": False, "kinds": []}
    assert install(check_mode=True) == {"changed": False, "kinds": []}
    assert server.writes == []


def test_another_version_replaces_what_differs_and_takes_fields_away(server: ApiServer) -> None:
    install("3.5")
    told = install("2.25", check_mode=True)
    assert {entry["metadata"]["annotations"][PLAYED] for entry in server.stored.values()} == {"3.5"}
    assert install("2.25")["kinds"] == told["kinds"]
    for entry in WANTED:
        stored = server.stored[entry["metadata"]["name"]]
        assert stored["spec"] == kinds.as_served(entry)


@settings(max_examples=30)
@given(st.sampled_from(WANTED), st.data())
def test_a_change_anywhere_in_a_definition_is_seen(definition: Manifest, data: Any) -> None:
    present = copy.deepcopy(definition)
    present["spec"] = kinds.as_served(present)
    assert kinds.replacement(definition, present) is None
    node: Any = present["spec"]
    while True:
        key = data.draw(
            st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node)))
        )
        if not isinstance(node[key], dict | list) or not node[key]:
            break
        node = node[key]
    if data.draw(st.booleans()):
        node[key] = "spoilt"
    elif isinstance(node, dict):
        node["more than that"] = 1
    else:
        node.append(1)
    changed = kinds.replacement(definition, present)
    assert changed is not None
    assert kinds.as_served(changed) == kinds.as_served(definition)


def test_what_others_wrote_into_the_metadata_stays(server: ApiServer) -> None:
    install()
    name = WANTED[0]["metadata"]["name"]
    metadata = server.stored[name]["metadata"]
    metadata["labels"] = {"theirs": "yes"}
    metadata["annotations"]["theirs"] = "yes"
    assert install()["changed"] is False
    metadata["annotations"][PLAYED] = "2.16"
    assert install()["kinds"] == [name]
    kept = server.stored[name]["metadata"]
    assert kept["labels"] == {"theirs": "yes"}
    assert kept["annotations"] == {"theirs": "yes", PLAYED: "2.25"}


def test_a_refusal_names_the_definition_and_the_server_s_words(server: ApiServer) -> None:
    server.refuses = WANTED[2]["metadata"]["name"]
    with pytest.raises(TaskError, match=f"{server.refuses} is refused: .*Invalid value"):
        install()


def test_what_is_not_served_in_time_is_named(server: ApiServer) -> None:
    server.serves = False
    with pytest.raises(TaskError, match=r"serves .*notebooks\.kubeflow\.org.*: not within 0 s"):
        install(timeout=0)


def test_an_unknown_version_is_refused_with_those_that_are_known(server: ApiServer) -> None:
    with pytest.raises(TaskError, match=r"4\.0 is not written down here; it is one of 2\.16"):
        install("4.0")
    assert server.writes == []


def test_in_check_mode_a_cluster_that_is_not_there_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody() -> KubernetesClient:
        raise OSError("connection refused")

    monkeypatch.setattr(kinds, "open_client", nobody)
    told = install(check_mode=True)
    assert told["changed"] is True
    assert len(told["kinds"]) == len(WANTED)
    with pytest.raises(TaskError, match="The kinds cannot be looked at"):
        install()
