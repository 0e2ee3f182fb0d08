"""The ways to and from a workbench: its Service, its policies, the pipeline server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controllers.notebook.build.basics import (
    PORT,
    PROXY_PORT,
    account,
    identity,
    login_names,
    metadata,
)
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.peers import operators


def build_service(notebook: Mapping[str, Any]) -> Manifest:
    """Build the Service of the notebook server itself."""
    _, name = identity(notebook)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(notebook, name),
        "spec": {
            "type": "ClusterIP",
            "selector": {"statefulset": name},
            "ports": [
                {"name": f"http-{name}"[:63], "port": 80, "targetPort": PORT, "protocol": "TCP"}
            ],
        },
    }


def build_network_policies(notebook: Mapping[str, Any]) -> list[Manifest]:
    """Build the policies: the server itself for the controller only, the proxy for all."""
    _, name = identity(notebook)
    selector = {"matchLabels": {"notebook-name": name}}

    def policy(called: str, ingress: Manifest) -> Manifest:
        return {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": metadata(notebook, called),
            "spec": {"podSelector": selector, "policyTypes": ["Ingress"], "ingress": [ingress]},
        }

    return [
        policy(
            f"{name}-ctrl-np", {"from": [operators()], "ports": [{"protocol": "TCP", "port": PORT}]}
        ),
        policy(login_names(name).policy, {"ports": [{"protocol": "TCP", "port": PROXY_PORT}]}),
    ]


def build_pipelines_binding(notebook: Mapping[str, Any], role: str) -> Manifest:
    """Build the RoleBinding that lets the workbench use the project's pipeline server."""
    namespace, name = identity(notebook)
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(notebook, f"elyra-pipelines-{name}"),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account(notebook), "namespace": namespace}],
    }
