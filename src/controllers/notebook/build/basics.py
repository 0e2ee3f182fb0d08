"""What is read from a Notebook, and what all of its objects have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import standard_labels
from lab_ground.settings import get_settings

INJECT_OAUTH = "notebooks.opendatahub.io/inject-oauth"
INJECT_AUTH = "notebooks.opendatahub.io/inject-auth"
CONNECTIONS = "opendatahub.io/connections"
STOPPED = "kubeflow-resource-stopped"
PORT = 8888
PROXY_PORT = 8443


class InvalidNotebookError(ValueError):
    """The Notebook cannot be made into pods; the message says what is wrong in it."""


NAME_LIMIT = 52  # A StatefulSet's pod gets a label of its name, a dash and a hash of ten.
HOST_LIMIT = 63  # One label of a host name: the workbench's Route is <name>-<namespace>.


def check(notebook: Mapping[str, Any]) -> None:
    """Refuse what cannot become a workbench, before anything of it is made.

    The kind itself allows a Notebook without a pod template or without containers, as upstream's.

    Raises:
        InvalidNotebookError: with the field, what was found and what is allowed.
    """
    namespace, name = identity(notebook)
    if len(name) > NAME_LIMIT:
        raise InvalidNotebookError(
            f"metadata.name has {len(name)} characters; a workbench's has at most {NAME_LIMIT}"
        )
    service = login_names(name).service
    if has_login(notebook) and len(service) > HOST_LIMIT:
        raise InvalidNotebookError(
            f"its login's Service would be {service}, {len(service)} characters; the name has at "
            f"most {HOST_LIMIT - len(service) + len(name)}"
        )
    label = f"{name}-{namespace}"
    if has_login(notebook) and len(label) > HOST_LIMIT and not get_settings().plays_since("3.0"):
        raise InvalidNotebookError(
            f"its host would begin with {label}, {len(label)} characters; the name and the "
            f"project's together have at most {HOST_LIMIT - 1}"
        )
    template = (notebook.get("spec") or {}).get("template") or {}
    if not (template.get("spec") or {}).get("containers"):
        raise InvalidNotebookError("spec.template.spec.containers is empty: nothing is to run")


@dataclass(frozen=True)
class LoginNames:
    """What the parts of the sign-in are called: after oauth-proxy, or kube-rbac-proxy."""

    proxy: str
    service: str
    service_port: int
    policy: str

    @property
    def certificate(self) -> str:
        """The Secret of the proxy's serving certificate."""
        return f"{self.service}-tls" if self.proxy != "oauth-proxy" else self.service


def login_names(name: str) -> LoginNames:
    """Return them for a workbench (notebook_oauth.go; notebook_kube_rbac_auth.go of 3.x)."""
    if get_settings().plays_since("3.0"):
        proxy = "kube-rbac-proxy"
        return LoginNames(proxy, f"{name}-{proxy}", PROXY_PORT, f"{name}-{proxy}-np")
    return LoginNames("oauth-proxy", f"{name}-tls", 443, f"{name}-oauth-np")


def is_stopped(notebook: Mapping[str, Any]) -> bool:
    """Say whether the Notebook is stopped: the annotation's presence alone counts."""
    return STOPPED in (notebook["metadata"].get("annotations") or {})


def has_login(notebook: Mapping[str, Any]) -> bool:
    """Say whether the Notebook wants the proxy with the sign-in.

    The annotation of the other version is not looked at (notebook_controller.go).
    """
    wanted = INJECT_AUTH if get_settings().plays_since("3.0") else INJECT_OAUTH
    return (notebook["metadata"].get("annotations") or {}).get(wanted) == "true"


def connections_of(notebook: Mapping[str, Any]) -> list[str]:
    """Return the Secrets that an annotation names as connections, since 3.0 (namespace/name,…).

    The webhook of the operator puts them into the environment; another project's are left out.
    """
    if not get_settings().plays_since("3.0"):
        return []
    namespace, _ = identity(notebook)
    named = (notebook["metadata"].get("annotations") or {}).get(CONNECTIONS) or ""
    pairs = [part.strip().rpartition("/") for part in named.split(",") if part.strip()]
    return [name for home, _, name in pairs if home in ("", namespace)]


def identity(notebook: Mapping[str, Any]) -> tuple[str, str]:
    """Return namespace and name."""
    return notebook["metadata"]["namespace"], notebook["metadata"]["name"]


def metadata(notebook: Mapping[str, Any], name: str, **more: Any) -> Manifest:
    """Return the metadata of one of its objects."""
    namespace, notebook_name = identity(notebook)
    labels = {"notebook-name": notebook_name, **standard_labels(notebook_name, "notebook")}
    return {"name": name, "namespace": namespace, "labels": labels, **more}


def account(notebook: Mapping[str, Any]) -> str:
    """Return the service account that the workbench runs as: its own where none is named."""
    own = notebook["metadata"]["name"]
    return str(notebook["spec"]["template"]["spec"].get("serviceAccountName") or own)


def build_grant(
    notebook: Mapping[str, Any], role: str, rules: Sequence[Mapping[str, Any]]
) -> list[Manifest]:
    """Build a Role, and the RoleBinding of its name that gives it to the workbench's account."""
    namespace, _ = identity(notebook)
    group = "rbac.authorization.k8s.io"
    return [
        {
            "apiVersion": f"{group}/v1",
            "kind": "Role",
            "metadata": metadata(notebook, role),
            "rules": list(rules),
        },
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": metadata(notebook, role),
            "roleRef": {"apiGroup": group, "kind": "Role", "name": role},
            "subjects": [
                {"kind": "ServiceAccount", "name": account(notebook), "namespace": namespace}
            ],
        },
    ]
