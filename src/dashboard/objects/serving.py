"""Model servers, models and their tokens, as "Configure server" and "Deploy model" make them.

Where this differs from upstream's (columns M, 2.16 and 2.25), the reason stands beside it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.objects.common import DASHBOARD, DISPLAY_NAME, metadata
from dashboard.settings import Size
from lab_ground.kubernetes.manifest import Manifest

ENABLE_AUTH = "enable-auth"
ENABLE_ROUTE = "enable-route"
RAW_AUTH = "security.opendatahub.io/enable-auth"
RAW_ROUTE = "networking.kserve.io/visibility"
MODE = "serving.kserve.io/deploymentMode"
TEMPLATE_NAME = "opendatahub.io/template-name"
TEMPLATE_DISPLAY = "opendatahub.io/template-display-name"
ACCOUNT = "kubernetes.io/service-account.name"
TOKEN_TYPE = "kubernetes.io/service-account-token"  # noqa: S105 - a type
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Server:
    """A model server, or on ``single`` the server of one model, which has its name."""

    namespace: str
    name: str
    display: str
    template: Mapping[str, Any]
    size: Size
    replicas: int = 1
    route: bool = False
    auth: bool = False
    single: bool = False

    @property
    def account(self) -> str:
        """The service account of those who call its models."""
        return f"{self.name}-sa"


def build_runtime(server: Server) -> Manifest:
    """The ServingRuntime, from the Template's."""
    found = next(o for o in server.template["objects"] if o.get("kind") == "ServingRuntime")
    spec = copy.deepcopy(dict(found["spec"]))
    resources = {"requests": dict(server.size.requests), "limits": dict(server.size.limits)}
    containers = [{**container, "resources": resources} for container in spec["containers"]]
    spec["containers"] = [_with_shm(container) for container in containers]
    spec["volumes"] = [
        *(volume for volume in spec.get("volumes") or () if volume["name"] != "shm"),
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
    ]
    spec["tolerations"] = list(spec.get("tolerations") or [])
    if not server.single:
        spec["replicas"] = server.replicas
    shown = (found["metadata"].get("annotations") or {}).get(DISPLAY_NAME)
    annotations = {
        **(found["metadata"].get("annotations") or {}),
        DISPLAY_NAME: server.display,
        TEMPLATE_NAME: server.template["metadata"]["name"],
        TEMPLATE_DISPLAY: shown or found["metadata"]["name"],
        "opendatahub.io/accelerator-name": "",
        **({ENABLE_AUTH: "true"} if server.auth else {}),
        **({ENABLE_ROUTE: "true"} if server.route else {}),
    }
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": metadata(server.namespace, server.name, annotations=annotations),
        "spec": spec,
    }


def _with_shm(container: Mapping[str, Any]) -> Manifest:
    mounts = [m for m in container.get("volumeMounts") or () if m["name"] != "shm"]
    return {**container, "volumeMounts": [*mounts, {"name": "shm", "mountPath": "/dev/shm"}]}  # noqa: S108


def build_account(server: Server) -> Manifest:
    """The ServiceAccount of the callers."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(server.namespace, server.account),
        # It is for callers outside: no pod runs as it.
        "automountServiceAccountToken": False,
    }


def build_role(server: Server) -> Manifest:
    """What a call of a model needs, and no more.

    Upstream binds ClusterRole ``view`` on ModelMesh, with which the token also opens the pipelines.
    """
    rule: Manifest = (
        {
            "apiGroups": ["serving.kserve.io"],
            "resources": ["inferenceservices"],
            "resourceNames": [server.name],
            "verbs": ["get"],
        }
        if server.single
        # ModelMesh's proxy names no Service in its question.
        else {"apiGroups": [""], "resources": ["services"], "verbs": ["get"]}
    )
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role",
        "metadata": metadata(server.namespace, f"{server.name}-view-role"),
        "rules": [rule],
    }


def build_binding(server: Server) -> Manifest:
    """The RoleBinding of the callers' account."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": metadata(server.namespace, f"{server.name}-view"),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": f"{server.name}-view-role"},
        "subjects": [
            {
                "kind": "ServiceAccount",
                "name": server.account,
                "namespace": server.namespace,
            }
        ],
    }


def build_token(server: Server, secret: str, name: str) -> Manifest:
    """The Secret in which Kubernetes writes a token.

    It has the name that was typed alone, as when the lab's text was written; newer versions put
    the account's name behind it.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(server.namespace, secret, name, annotations={ACCOUNT: server.account}),
        "type": TOKEN_TYPE,
    }


@dataclass(frozen=True)
class Model:
    """A model; on ``single`` its server has its name."""

    namespace: str
    name: str
    display: str
    format_name: str
    format_version: str | None
    runtime: str
    connection: str
    path: str
    single: bool = False
    replicas: int = 1
    route: bool = False
    auth: bool = False


def build_model(model: Model) -> Manifest:
    """The InferenceService."""
    annotations = {MODE: "RawDeployment" if model.single else "ModelMesh"}
    if model.single and model.auth:
        annotations[RAW_AUTH] = "true"
    labels = {RAW_ROUTE: "exposed"} if model.single and model.route else {}
    predictor: Manifest = {
        "model": {
            "modelFormat": {
                "name": model.format_name,
                **({"version": model.format_version} if model.format_version else {}),
            },
            "runtime": model.runtime,
            "storage": {"key": model.connection, "path": model.path.lstrip("/")},
        }
    }
    if model.single:
        predictor = {
            "minReplicas": model.replicas,
            "maxReplicas": model.replicas,
            **predictor,
        }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": metadata(
            model.namespace, model.name, model.display, labels=labels, annotations=annotations
        ),
        "spec": {"predictor": predictor},
    }


def build_access(server: Server, tokens: Sequence[tuple[str, str]]) -> list[Manifest]:
    """Account, role, binding and tokens ((Secret, name as typed)) of a server."""
    return [
        build_account(server),
        build_role(server),
        build_binding(server),
        *(build_token(server, secret, name) for secret, name in tokens),
    ]


def owned(manifest: Manifest, owner: Mapping[str, Any]) -> Manifest:
    """A manifest that goes with its owner."""
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
    }
    own = {**manifest["metadata"], "ownerReferences": [reference]}
    return {**manifest, "metadata": own}


__all__ = ["DASHBOARD", "Model", "Server", "build_access", "build_model", "build_runtime", "owned"]
