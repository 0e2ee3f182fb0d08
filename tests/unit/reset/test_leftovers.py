"""What a reset finds left behind outside the namespace's own objects: bindings and sessions."""

from __future__ import annotations

from typing import Any

import pytest

from lab_reset import cluster as clusters
from lab_reset import sessions

MODEL, NOTEBOOK = "InferenceService", "Notebook"


def named(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": f"uid-{name}", **metadata}}


def delegator(name: str, account: str, namespace: str = "mnist", model: str = "") -> dict[str, Any]:
    labels = {clusters.MODEL_LABEL: model} if model else {}
    return {
        "metadata": {"name": name, "labels": labels},
        "roleRef": {"kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


MESH = delegator("mnist-modelmesh-serving-sa-auth-delegator", "modelmesh-serving-sa")
RAW = delegator("mnist-mnist-sa-auth-delegator", "mnist-sa", model="mnist")
RAW_UPSTREAM = delegator("mnist-model-mesh-auth-delegator", "model-mesh")
PIPELINES = delegator("mnist-ds-pipeline-ds-pipeline-auth-delegator", "ds-pipeline-ds-pipeline")
WORKBENCH = delegator("mnist-notebook-notebook-auth-delegator", "notebook")
LABELLED = delegator("mnist-bench-notebook-0123456789", "team")
LABELLED["metadata"]["labels"] = {clusters.NOTEBOOK_LABEL: "bench"}
FOREIGN = delegator("mnist-2-mnist-sa-auth-delegator", "mnist-sa", namespace="mnist-2")


class Namespace:
    """A namespace in memory, and the cluster's bindings."""

    namespace = "mnist"

    def __init__(self, bindings: list[dict[str, Any]], **things: list[dict[str, Any]]) -> None:
        self.bindings, self.things, self.client = bindings, things, self

    def list_objects(self, api_version: str, kind: str) -> list[dict[str, Any]]:
        return self.bindings if kind == "ClusterRoleBinding" else []

    def objects(self, api_version: str, kind: str) -> list[dict[str, Any]]:
        return self.things.get(kind, [])


@pytest.mark.parametrize(
    "binding", [MESH, RAW, RAW_UPSTREAM, WORKBENCH, LABELLED], ids=lambda b: b["metadata"]["name"]
)
def test_the_binding_of_what_is_gone_is_named(binding: dict[str, Any]) -> None:
    left = clusters.cluster_leftovers(Namespace([binding, PIPELINES, FOREIGN]), served=False)
    assert left == [f"ClusterRoleBinding/{binding['metadata']['name']}"]


@pytest.mark.parametrize("binding", [MESH, RAW, RAW_UPSTREAM], ids=lambda b: b["metadata"]["name"])
def test_the_binding_of_a_model_that_stays_is_none(binding: dict[str, Any]) -> None:
    seat = Namespace([binding], InferenceService=[named("mnist")])
    assert clusters.cluster_leftovers(seat, served=True) == []


def test_a_foreign_models_server_keeps_its_binding_and_the_labs_own_is_named() -> None:
    seat = Namespace([RAW, MESH], InferenceService=[named("foreign")])
    assert clusters.cluster_leftovers(seat, served=False) == [
        "ClusterRoleBinding/mnist-mnist-sa-auth-delegator"
    ]


def test_a_workbench_that_stays_keeps_its_binding_and_its_sessions() -> None:
    owner = {"ownerReferences": [{"kind": NOTEBOOK, "name": "notebook", "uid": "uid-notebook"}]}
    seat = Namespace(
        [WORKBENCH],
        Notebook=[named("notebook")],
        Pod=[named("notebook-0", labels={"notebook-name": "notebook"})],
        Secret=[named("notebook-oauth-config", **owner)],
        ServiceAccount=[named("notebook", **owner)],
    )
    assert clusters.cluster_leftovers(seat, served=False) == []
    assert sessions.session_leftovers(seat) == []


def test_a_marked_binding_stays_with_its_workbench_whatever_account_it_has() -> None:
    seat = Namespace([LABELLED], Notebook=[named("bench")])
    assert clusters.cluster_leftovers(seat, served=False) == []
    seat = Namespace([LABELLED], Notebook=[named("team")])
    assert clusters.cluster_leftovers(seat, served=False) == [
        "ClusterRoleBinding/mnist-bench-notebook-0123456789"
    ]


def test_the_sessions_of_a_workbench_that_is_gone_are_named() -> None:
    owner = {"ownerReferences": [{"kind": NOTEBOOK, "name": "notebook", "uid": "uid-before"}]}
    seat = Namespace(
        [],
        Notebook=[],
        Pod=[named("notebook-0", labels={"notebook-name": "notebook"}), named("else")],
        Secret=[named("notebook-oauth-config", **owner), named("my-own")],
        ServiceAccount=[named("notebook", **owner), named("default")],
    )
    assert sessions.session_leftovers(seat) == [
        "Pod/notebook-0 (of workbench notebook: its kernels and terminals)",
        "Secret/notebook-oauth-config (of workbench notebook: it seals who is signed in)",
        "ServiceAccount/notebook (of workbench notebook: its tokens are still good)",
    ]


def test_a_workbench_made_anew_does_not_open_to_who_was_signed_in_to_the_former() -> None:
    owner = {"ownerReferences": [{"kind": NOTEBOOK, "name": "notebook", "uid": "uid-before"}]}
    seat = Namespace(
        [], Notebook=[named("notebook")], Secret=[named("notebook-oauth-config", **owner)]
    )
    assert len(sessions.session_leftovers(seat)) == 1
