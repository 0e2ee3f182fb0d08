"""What tokens open: a viewer's no workbench, a prediction's nothing but predictions."""

from __future__ import annotations

import json
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
    "pipelines": (
        "datasciencepipelinesapplications.opendatahub.io",
        "datasciencepipelinesapplications/api",
        "get",
    ),
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


@pytest.mark.parametrize("door", sorted(set(DOORS) - {"predictions"}))
def test_a_viewer_opens_neither_workbench_nor_pipelines(
    accounts: dict[str, KubernetesClient], stranger: Seat, door: str
) -> None:
    """A prediction is what a viewer may ask for, as with OpenShift AI."""
    assert not may(accounts[VIEWER], stranger.namespace, door)
    assert may(accounts[VIEWER], stranger.namespace, "predictions")


def test_the_doors_are_those_that_the_proxies_ask_for(client: KubernetesClient) -> None:
    """The reviews of all that run: none asks for what a viewer has, but for predictions."""
    asked = set()
    for pod in client.list_objects("v1", "Pod"):
        for one in pod["spec"]["containers"]:
            for variable in one.get("env") or ():
                if variable["name"] == "AUTH_PROXY_REVIEW":
                    review = json.loads(variable["value"])
                    parts = [review["resource"], review.get("subresource")]
                    resource = "/".join(filter(None, parts))
                    asked.add((review.get("group", ""), resource, review["verb"]))
    others = {
        ("serving.kserve.io", "inferenceservices", "get"),
        # The dashboard lets everybody in who is somebody, and acts as its caller.
        ("authorization.k8s.io", "selfsubjectaccessreviews", "create"),
    }
    assert asked <= {DOORS[door] for door in ("workbench", "pipelines", "predictions")} | others


@pytest.mark.parametrize("door", sorted(DOORS))
def test_a_learner_opens_nothing_in_another_seat(stranger: Seat, victim: Seat, door: str) -> None:
    assert may(stranger.client, stranger.namespace, door)
    assert not may(stranger.client, victim.namespace, door)
