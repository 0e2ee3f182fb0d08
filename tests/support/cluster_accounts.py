"""Service accounts that tests come as: what they may do, and their tokens."""

from __future__ import annotations

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest

RBAC = "rbac.authorization.k8s.io"


def account(name: str, namespace: str) -> Manifest:
    """A service account."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}


def binding(
    name: str, namespace: str, *, role: str, kind: str = "ClusterRole", to: str | None = None
) -> Manifest:
    """A RoleBinding of a role to the service account of its own name, or to another."""
    subject = {"kind": "ServiceAccount", "name": to or name, "namespace": namespace}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [subject],
    }


def token_of(
    client: KubernetesClient, namespace: str, account: str, seconds: int | None = None
) -> str:
    """A token of a service account, as long as the cluster gives by itself or as is asked."""
    path = client.path("v1", "ServiceAccount", namespace, account, "token")
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds} if seconds else {},
    }
    return str(client.request("POST", path, body=body)["status"]["token"])
