"""The way to a workbench since 3.0: an HTTPRoute on the gateway's host, beside the applications.

The HTTPRoute lies in the namespace of the applications, so no owner reference takes it along: the
Notebook's finalizers do (odh-notebook-controller's notebook_controller.go, notebook_route.go,
notebook_referencegrant.go).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from controllers.notebook.build.basics import PORT, has_login, identity, login_names
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import standard_labels
from lab_ground.settings import get_settings

GROUP = "gateway.networking.k8s.io"
HTTP_ROUTE = (f"{GROUP}/v1", "HTTPRoute")
REFERENCE_GRANT = (f"{GROUP}/v1beta1", "ReferenceGrant")
GATEWAY_NAMESPACE, GATEWAY_NAME = "openshift-ingress", "data-science-gateway"
GRANT_NAME = "notebook-httproute-access"
_OWN = "notebook.opendatahub.io"
ROUTE_FINALIZER = f"{_OWN}/httproute-cleanup"
GRANT_FINALIZER = f"{_OWN}/referencegrant-cleanup"
PROXY_FINALIZER = f"{_OWN}/kube-rbac-proxy-cleanup"
FINALIZERS = (ROUTE_FINALIZER, GRANT_FINALIZER, PROXY_FINALIZER)
_NAME_LIMIT = 63


def finalizers_of(notebook: Mapping[str, Any]) -> list[str]:
    """Those that the controller puts on a Notebook."""
    held = FINALIZERS if has_login(notebook) else FINALIZERS[:2]
    return list(held) if get_settings().plays_since("3.0") else []


def http_route_name(notebook: Mapping[str, Any]) -> str:
    """The HTTPRoute's name; a long one is cut and told apart, where upstream has it generated."""
    namespace, name = identity(notebook)
    whole = f"nb-{namespace}-{name}"
    if len(whole) <= _NAME_LIMIT:
        return whole
    mark = hashlib.sha256(whole.encode()).hexdigest()[:10]
    return f"nb-{namespace[:10].rstrip('-')}-{name[:10].rstrip('-')}-{mark}"


def http_route_labels(notebook: Mapping[str, Any]) -> dict[str, str]:
    """The labels by which a Notebook's HTTPRoute is found."""
    namespace, name = identity(notebook)
    return {"notebook-name": name, "notebook-namespace": namespace}


def build_http_route(notebook: Mapping[str, Any]) -> Manifest:
    """Build the HTTPRoute to the proxy, or to the server itself where no login is asked for."""
    namespace, name = identity(notebook)
    names = login_names(name)
    login = has_login(notebook)
    backend = {
        "group": "",
        "kind": "Service",
        "name": names.service if login else name,
        "namespace": namespace,
        "port": names.service_port if login else PORT,
        "weight": 1,
    }
    path = {"type": "PathPrefix", "value": f"/notebook/{namespace}/{name}"}
    route = http_route_name(notebook)
    parent = {
        "group": GROUP,
        "kind": "Gateway",
        "name": GATEWAY_NAME,
        "namespace": GATEWAY_NAMESPACE,
    }
    return {
        "apiVersion": HTTP_ROUTE[0],
        "kind": HTTP_ROUTE[1],
        "metadata": {
            "name": route,
            "namespace": get_settings().image_namespace,
            "labels": {**http_route_labels(notebook), **standard_labels(route, "notebook")},
        },
        "spec": {
            "parentRefs": [parent],
            "rules": [{"matches": [{"path": path}], "backendRefs": [backend]}],
        },
    }


def build_reference_grant(namespace: str) -> Manifest:
    """Build what lets those HTTPRoutes lead to the Services of a project."""
    source = {"group": GROUP, "kind": "HTTPRoute", "namespace": get_settings().image_namespace}
    return {
        "apiVersion": REFERENCE_GRANT[0],
        "kind": REFERENCE_GRANT[1],
        "metadata": {
            "name": GRANT_NAME,
            "namespace": namespace,
            "labels": {
                "opendatahub.io/component": "notebook-controller",
                **standard_labels(GRANT_NAME, "notebook"),
            },
        },
        "spec": {"from": [source], "to": [{"group": "", "kind": "Service"}]},
    }
