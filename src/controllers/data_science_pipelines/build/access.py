"""Who may do what: the server, the steps, and the people that use them."""

from __future__ import annotations

from typing import Any

from auth_proxy.container import build_auth_delegator_binding
from controllers.data_science_pipelines.build.names import TRUSTED_CA, metadata
from controllers.data_science_pipelines.specification import Application
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import oauth_redirect, standard_labels
from lab_ground.settings import get_settings

GROUP = "datasciencepipelinesapplications.opendatahub.io"
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
    user_rules = [_user_rule(app)]
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
    """What whoever uses the pipelines API must be allowed to do, by the version that is played.

    Up to 2.x ``get`` of the server's Route (DSPO's deployment.yaml.tmpl, ``--openshift-sar``), from
    3.0 on of its own subresource ``api`` (kube-rbac-proxy-config).
    """
    if get_settings().plays_since("3.0"):
        return {
            "verb": "get",
            "group": GROUP,
            "resource": "datasciencepipelinesapplications",
            "subresource": "api",
            "name": app.name,
            "namespace": app.namespace,
        }
    return {
        "verb": "get",
        "group": "route.openshift.io",
        "resource": "routes",
        "name": app.server,
        "namespace": app.namespace,
    }


def _login_back(app: Application) -> dict[str, Any]:
    if get_settings().plays_since("3.0"):
        return {}
    return {"annotations": oauth_redirect("primary", app.server)}


def _user_rule(app: Application) -> Manifest:
    if get_settings().plays_since("3.0"):
        return {
            "apiGroups": [GROUP],
            "resources": ["datasciencepipelinesapplications/api"],
            "resourceNames": [app.name],
            "verbs": ["get", "create", "update", "patch", "delete"],
        }
    return {
        "apiGroups": ["route.openshift.io"],
        "resources": ["routes"],
        "resourceNames": [app.server],
        "verbs": ["get"],
    }


def build_delegator(app: Application) -> Manifest:
    """Lets the token proxy ask for reviews; cluster-wide, so the controller removes it."""
    return build_auth_delegator_binding(
        name=f"{app.namespace}-{app.server}-auth-delegator",
        service_account=app.server,
        namespace=app.namespace,
        labels=standard_labels(app.server, "auth-delegator"),
    )


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
