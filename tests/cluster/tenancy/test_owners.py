"""Whose things are: nothing of a seat is bound in the whole cluster, nobody's is overwritten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from platform_cluster import wait_for
from tenancy_seats import LEARNER, Seat

from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.cluster
RBAC = "rbac.authorization.k8s.io/v1"
NOTEBOOK = ("kubeflow.org/v1", "Notebook")
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(stranger: Seat) -> Iterator[Make]:
    """Makes Notebooks that do not run, as the learner; they go with the test."""
    made: list[str] = []

    def notebook(name: str, **spec: Any) -> dict[str, Any]:
        made.append(name)
        return stranger.client.create(
            {
                "apiVersion": NOTEBOOK[0],
                "kind": NOTEBOOK[1],
                "metadata": {
                    "name": name,
                    "namespace": stranger.namespace,
                    "annotations": {
                        "notebooks.opendatahub.io/inject-oauth": "true",
                        "kubeflow-resource-stopped": "now",
                    },
                },
                "spec": {
                    "template": {"spec": {"containers": [{"name": name, "image": "any:1"}], **spec}}
                },
            }
        )

    yield notebook
    for name in made:
        stranger.client.delete(*NOTEBOOK, name, stranger.namespace)


def ready(seat: Seat, name: str) -> dict[str, Any]:
    found = seat.client.get(*NOTEBOOK, name, seat.namespace) or {}
    conditions = (found.get("status") or {}).get("conditions") or []
    return next((one for one in conditions if one["type"] == "Ready"), {})


def test_no_account_of_a_seat_has_rights_in_the_whole_cluster(
    client: KubernetesClient, stranger: Seat, make: Make
) -> None:
    """A workbench that runs as an account of the learner's choice gave it `auth-delegator`."""
    make("bench", serviceAccountName=LEARNER)
    wait_for(lambda: ready(stranger, "bench").get("reason") == "Stopped", 20, "it is looked after")
    seats = {
        seat["metadata"]["name"]
        for seat in client.list_objects(
            "v1", "Namespace", label_selector="opendatahub.io/dashboard=true"
        )
    }
    bound = [
        f"{binding['metadata']['name']}: {subject['namespace']}/{subject['name']}"
        for binding in client.list_objects(RBAC, "ClusterRoleBinding")
        for subject in binding.get("subjects") or ()
        if subject.get("namespace") in seats
    ]
    assert stranger.namespace in seats
    assert not bound


@pytest.mark.parametrize("ours", ["Service", "Secret", "Role"])
def test_what_somebody_else_made_is_left_as_it_is(stranger: Seat, make: Make, ours: str) -> None:
    namespace = stranger.namespace
    version, name = {
        "Service": ("v1", f"mine-{ours.lower()}-tls"),
        "Secret": ("v1", f"mine-{ours.lower()}-tls"),
        "Role": (RBAC, f"mine-{ours.lower()}-mounted"),
    }[ours]
    content: dict[str, Any] = {
        "Service": {"spec": {"ports": [{"port": 1}]}},
        "Secret": {"stringData": {"mine": "1"}},
        "Role": {"rules": []},
    }[ours]
    metadata = {"name": name, "namespace": namespace}
    stranger.client.create({"apiVersion": version, "kind": ours, "metadata": metadata, **content})
    try:
        before = stranger.client.get(version, ours, name, namespace)
        make(f"mine-{ours.lower()}")
        if ours == "Secret":
            # The certificate's maker says so at the Service that asks for it.
            service = wait_for(
                lambda: (
                    (found := stranger.client.get("v1", "Service", name, namespace))
                    and "exists and is not this Service's" in str(found["metadata"])
                ),
                20,
                "it is told",
            )
            assert service
        else:
            found = wait_for(
                lambda: (
                    (told := ready(stranger, f"mine-{ours.lower()}"))
                    and told.get("reason") == "BelongsToAnother"
                    and told
                ),
                20,
                "it is told",
            )
            assert f"{ours} {name}" in found["message"]
        assert stranger.client.get(version, ours, name, namespace) == before
    finally:
        stranger.client.delete(version, ours, name, namespace)
