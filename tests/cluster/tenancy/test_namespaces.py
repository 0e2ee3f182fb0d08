"""Where the router runs, and who is let in for being it."""

from __future__ import annotations

import pytest
from platform_cluster import PLATFORM
from tenancy_seats import Seat

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.peers import router

pytestmark = pytest.mark.cluster
ROUTER_NAMESPACE = router()["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]


def test_the_router_has_no_neighbours(client: KubernetesClient) -> None:
    pods = client.list_objects("v1", "Pod", ROUTER_NAMESPACE)
    names = {pod["metadata"]["labels"].get("app.kubernetes.io/name") for pod in pods}
    assert names == {"lab-router"}


@pytest.mark.parametrize("kind", ["Deployment", "Service", "ConfigMap", "Secret"])
def test_nothing_of_it_is_left_in_the_platform_s_namespace(
    client: KubernetesClient, kind: str
) -> None:
    version = "apps/v1" if kind == "Deployment" else "v1"
    names = {one["metadata"]["name"] for one in client.list_objects(version, kind, PLATFORM)}
    assert not {name for name in names if name.startswith("lab-router")}


def test_no_policy_trusts_the_router_s_neighbours(client: KubernetesClient) -> None:
    """A peer that names a platform's namespace names the pods in it too."""
    trusting = [
        f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"
        for policy in client.list_objects("networking.k8s.io/v1", "NetworkPolicy")
        for rule in policy["spec"].get("ingress") or ()
        for peer in rule.get("from") or ()
        if (peer.get("namespaceSelector") or {})
        .get("matchLabels", {})
        .get("kubernetes.io/metadata.name")
        in (PLATFORM, ROUTER_NAMESPACE)
        and not (peer.get("podSelector") or {}).get("matchLabels")
    ]
    assert not trusting


def test_a_learner_neither_sees_nor_changes_the_router(stranger: Seat) -> None:
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "namespace": ROUTER_NAMESPACE,
                "verb": "get",
                "resource": "secrets",
            }
        },
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = stranger.client.request("POST", path, body=review)
    assert answer["status"]["allowed"] is False
