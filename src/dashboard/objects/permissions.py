"""Who may do what in a project: the RoleBindings of the Permissions page."""

from __future__ import annotations

from dashboard.objects.common import DASHBOARD
from lab_ground.kubernetes.manifest import Manifest

SHARING = "opendatahub.io/project-sharing"
_RBAC = "rbac.authorization.k8s.io"


def build_permission(namespace: str, name: str, kind: str, subject: str, role: str) -> Manifest:
    """A RoleBinding of one user or group to ClusterRole ``admin`` or ``edit``.

    A user name as Kubernetes gives it to a service account (``system:serviceaccount:ns:name``)
    is bound as one.
    """
    parts = subject.split(":")
    if kind == "User" and parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        entry: Manifest = {"kind": "ServiceAccount", "name": parts[3], "namespace": parts[2]}
    else:
        entry = {"apiGroup": _RBAC, "kind": kind, "name": subject}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {**DASHBOARD, SHARING: "true"},
        },
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [entry],
    }
