"""What tokens open: a viewer's no workbench, a prediction's nothing but predictions."""

from __future__ import annotations

from typing import Any

import cluster_accounts
import pytest
from tenancy_seats import Seat, client_of

from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.cluster

VIEWER, CALLER = "viewer", "caller"
# As the role lab_serving binds the callers of a model server in ModelMesh mode.
PREDICTIONS = [{"apiGroups": [""], "resources": ["services"], "verbs": ["get"]}]
DOORS = {
    "workbench": ("kubeflow.org", "notebooks", "get"),
    "pipelines": ("route.openshift.io", "routes", "get"),
    "secrets": ("", "secrets", "get"),
    "pods": ("", "pods", "create"),
    "tokens": ("", "serviceaccounts/token", "create"),
    "predictions": ("", "services", "get"),
}


@pytest.fixture(scope="module")
def accounts(client: KubernetesClient, stranger: Seat) -> dict[str, KubernetesClient]:
    """A viewer and a caller of predictions in the stranger's seat."""
    namespace = stranger.namespace
    for name in (VIEWER, CALLER):
        client.create(cluster_accounts.account(name, namespace))
    client.create(cluster_accounts.binding(VIEWER, namespace, role="view"))
    client.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": CALLER, "namespace": namespace},
            "rules": PREDICTIONS,
        }
    )
    client.create(cluster_accounts.binding(CALLER, namespace, role=CALLER, kind="Role"))
    return {
        name: client_of(cluster_accounts.token_of(client, namespace, name))
        for name in (VIEWER, CALLER)
    }


def may(client: KubernetesClient, namespace: str, door: str) -> bool:
    group, resource, verb = DOORS[door]
    resource, _, subresource = resource.partition("/")
    attributes = {
        "namespace": namespace,
        "group": group,
        "resource": resource,
        "subresource": subresource,
        "verb": verb,
    }
    review: dict[str, Any] = client.create(
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "metadata": {},
            "spec": {"resourceAttributes": attributes},
        }
    )
    return bool(review["status"]["allowed"])


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_prediction_token_opens_predictions_only(
    accounts: dict[str, KubernetesClient], stranger: Seat, door: str
) -> None:
    assert may(accounts[CALLER], stranger.namespace, door) == (door == "predictions")


def test_a_viewer_opens_no_workbench(accounts: dict[str, KubernetesClient], stranger: Seat) -> None:
    assert not may(accounts[VIEWER], stranger.namespace, "workbench")
    assert may(accounts[VIEWER], stranger.namespace, "pipelines")


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_learner_opens_nothing_in_another_seat(stranger: Seat, victim: Seat, door: str) -> None:
    assert may(stranger.client, stranger.namespace, door)
    assert not may(stranger.client, victim.namespace, door)
