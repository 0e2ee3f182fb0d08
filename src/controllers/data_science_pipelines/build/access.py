"""Who may do what: the server, the steps, and the people that use them."""

from __future__ import annotations

from typing import Any

from controllers.data_science_pipelines.build.names import GROUP, TRUSTED_CA, metadata
from controllers.data_science_pipelines.specification import Application
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import oauth_redirect
from lab_ground.settings import get_settings

SERVER_RULES: list[Manifest] = [
    {
        "apiGroups": [""],
        "resources": ["pods"],
        "verbs": ["get", "list", "watch", "create", "delete", "deletecollection"],
    },
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    # Why a pod does not begin: of a missing volume only the events tell.
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
    {
        "apiGroups": [""],
        "resources": ["persistentvolumeclaims"],
        "verbs": ["get", "list", "create", "delete", "deletecollection"],
    },
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": [TRUSTED_CA],
        "verbs": ["get"],
    },
]
RUNNER_RULES: list[Manifest] = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]


def build_access(app: Application) -> list[Manifest]:
    """Service accounts, Roles and RoleBindings: server, steps, users."""
    user_rules = _user_rules(app)
    return [
        _service_account(app, app.server, "pipeline-server", **_login_back(app)),
        _service_account(app, app.runner, "step"),
        _role(app, app.server, SERVER_RULES),
        _role_binding(app, app.server, app.server),
        _role(app, app.runner, RUNNER_RULES),
        _role_binding(app, app.runner, app.runner),
        _role(app, f"ds-pipeline-user-access-{app.name}", user_rules),
    ]


def build_review(app: Application) -> dict[str, str]:
    """What whoever uses the pipelines API must be allowed to do, as since 3.0.

    Up to 2.x upstream asks for ``get`` of the server's Route (DSPO's deployment.yaml.tmpl,
    ``--openshift-sar``), which whoever may only look at a project has: here all versions ask for
    the subresource ``api`` (kube-rbac-proxy-config).
    """
    return {
        "verb": "get",
        "group": GROUP,
        "resource": "datasciencepipelinesapplications",
        "subresource": "api",
        "name": app.name,
        "namespace": app.namespace,
    }


def _login_back(app: Application) -> dict[str, Any]:
    if get_settings().plays_since("3.0"):
        return {}
    return {"annotations": oauth_redirect("primary", app.server)}


def _user_rules(app: Application) -> list[Manifest]:
    """What a server's users have: upstream's rule of the version, and what is asked for here."""
    asked = {
        "apiGroups": [GROUP],
        "resources": ["datasciencepipelinesapplications/api"],
        "resourceNames": [app.name],
        "verbs": ["get", "create", "update", "patch", "delete"],
    }
    if get_settings().plays_since("3.0"):
        return [asked]
    route = {
        "apiGroups": ["route.openshift.io"],
        "resources": ["routes"],
        "resourceNames": [app.server],
        "verbs": ["get"],
    }
    return [route, asked]


def _service_account(app: Application, name: str, component: str, **more: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {**metadata(app, name, component), **more},
    }


def _role(app: Application, name: str, rules: list[Manifest]) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": metadata(app, name, "access"),
        "rules": rules,
    }


def _role_binding(app: Application, name: str, account: str) -> Manifest:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": metadata(app, name, "access"),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": app.namespace}],
    }
