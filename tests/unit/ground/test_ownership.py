"""Whose an object is, and that nobody else's is applied over."""

from __future__ import annotations

from typing import Any

import pytest
from memory_cluster import MemoryCluster

from lab_ground.kubernetes.metadata import owner_reference
from lab_ground.kubernetes.ownership import ForeignObjectError, refuse_foreign

ME = "lab-platform"


def owner(name: str = "notebook", uid: str = "uid-1", kind: str = "Notebook") -> dict[str, Any]:
    metadata = {"name": name, "uid": uid, "namespace": "mnist"}
    return {"apiVersion": "kubeflow.org/v1", "kind": kind, "metadata": metadata}


def present(
    of: dict[str, Any] | None = None, manager: str = ME, operation: str = "Apply"
) -> dict[str, Any]:
    fields = [{"manager": manager, "operation": operation}]
    metadata: dict[str, Any] = {"name": "thing", "managedFields": fields}
    if of is not None:
        metadata["ownerReferences"] = [owner_reference(of)]
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata}


def unwritten() -> dict[str, Any]:
    """Nothing but a name, as the API server keeps an account that was applied so."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "model-mesh"}}


@pytest.mark.parametrize(
    ("thing", "mine"),
    [
        (unwritten(), None),
        (present(owner()), owner()),
        # Whatever was changed in it: it is ours.
        (present(owner(), "kubectl"), owner()),
        # Of a former one of the name, which takes it along when it is still there.
        (present(owner(uid="uid-0")), owner()),
        # Left over, or from before there were owners.
        (present(), owner()),
        (present(), None),
    ],
)
def test_ours_is_applied(thing: dict[str, Any], mine: dict[str, Any] | None) -> None:
    refuse_foreign(thing, mine, ME)


@pytest.mark.parametrize(
    ("thing", "mine", "whose"),
    [
        (present(owner("other", "uid-2")), owner(), "Notebook other's"),
        (present(owner(kind="Deployment", uid="uid-2")), owner(), "Deployment notebook's"),
        (present(owner()), None, "Notebook notebook's"),
        (present(manager="kubectl"), owner(), "made by kubectl"),
        (present(manager="kubectl"), None, "made by kubectl"),
        (unwritten(), owner(), "made by somebody else"),
        # Written by a program of our name, as every client of this package is.
        (present(operation="Update"), owner(), f"made by {ME}"),
    ],
)
def test_another_s_is_refused_and_told(
    thing: dict[str, Any], mine: dict[str, Any] | None, whose: str
) -> None:
    with pytest.raises(ForeignObjectError) as caught:
        refuse_foreign(thing, mine, ME)
    assert f"exists already and is {whose}: it is left as it is" in caught.value.message
    assert (caught.value.status, caught.value.reason) == (409, "BelongsToAnother")


def test_names_that_run_into_each_other_do_not_take_each_other_s() -> None:
    """`1-notebook` of `sec-a` and `notebook` of `sec-a-1`, where both make one outside of them."""
    cluster = MemoryCluster()
    shared = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "sec-a-1-notebook"}}
    cluster.apply(shared, owner=owner("1-notebook", "uid-1"))
    with pytest.raises(ForeignObjectError):
        cluster.apply({**shared, "spec": {}}, owner=owner("notebook", "uid-2"))
    stored = cluster.objects["Namespace", "", "sec-a-1-notebook"]
    assert "spec" not in stored
    assert stored["metadata"]["ownerReferences"][0]["uid"] == "uid-1"
