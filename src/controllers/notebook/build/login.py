"""The sign-in in front of a workbench: proxy, session, certificate, Route, and who may enter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auth_proxy.container import build_auth_proxy_container, build_auth_proxy_volumes
from auth_proxy.manners import Manner
from controllers.notebook.build.basics import (
    PORT,
    PROXY_PORT,
    build_grant,
    identity,
    login_names,
    metadata,
)
from controllers.serving_certificate.build.objects import SERVING_CERT_ANNOTATION
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import oauth_redirect
from lab_ground.settings import get_settings

TLS_VOLUME = "tls-certificates"


def add_proxy(notebook: Mapping[str, Any], spec: Manifest) -> None:
    """Put the proxy with the sign-in into the pod, in the place of one that was written there."""
    namespace, name = identity(notebook)
    names, since_3 = login_names(name), get_settings().plays_since("3.0")
    spec["containers"] = [c for c in spec["containers"] if c["name"] != names.proxy]
    spec["containers"].append(
        build_auth_proxy_container(
            name=names.proxy,
            upstream_port=PORT,
            review={
                "verb": "get",
                "group": "kubeflow.org",
                "resource": "notebooks",
                "name": name,
                "namespace": namespace,
            },
            tls_volume=TLS_VOLUME,
            login=True,
            session_secret=f"{name}-oauth-config",
            listen_port=PROXY_PORT,
            port_name=names.proxy,
            manner=Manner.KUBE_RBAC if since_3 else Manner.OAUTH_SESSION,
            # Since 3.0 on the gateway's one host, below the path that the server has anyway.
            prefix=f"/notebook/{namespace}/{name}" if since_3 else "",
        )
    )
    ours = build_auth_proxy_volumes(
        tls_volume=TLS_VOLUME,
        tls_secret=names.certificate,
        session_secret=f"{name}-oauth-config",
    )
    known = {volume["name"] for volume in ours}
    spec["volumes"] = [v for v in spec["volumes"] if v["name"] not in known] + ours


def build_service_account(notebook: Mapping[str, Any]) -> Manifest:
    """Build the workbench's own ServiceAccount."""
    _, name = identity(notebook)
    oauth = not get_settings().plays_since("3.0")
    more = {"annotations": oauth_redirect("first", name)} if oauth else {}
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(notebook, name, **more),
    }


def build_session_secret(notebook: Mapping[str, Any], cookie_secret: str) -> Manifest:
    """Build the Secret that seals the sessions."""
    _, name = identity(notebook)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(notebook, f"{name}-oauth-config"),
        "type": "Opaque",
        "stringData": {"cookie_secret": cookie_secret},
    }


def build_tls_service(notebook: Mapping[str, Any]) -> Manifest:
    """Build the Service of the proxy, which asks for a serving certificate."""
    _, name = identity(notebook)
    names = login_names(name)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(
            notebook, names.service, annotations={SERVING_CERT_ANNOTATION: names.certificate}
        ),
        "spec": {
            "selector": {"statefulset": name},
            "ports": [
                {
                    "name": names.proxy,
                    "port": names.service_port,
                    "targetPort": names.proxy,
                    "protocol": "TCP",
                }
            ],
        },
    }


def build_route(notebook: Mapping[str, Any]) -> Manifest:
    """Build the Route to the proxy."""
    _, name = identity(notebook)
    names = login_names(name)
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": metadata(notebook, name),
        "spec": {
            "to": {"kind": "Service", "name": names.service, "weight": 100},
            "port": {"targetPort": names.proxy},
            "tls": {"termination": "reencrypt", "insecureEdgeTerminationPolicy": "Redirect"},
        },
    }


def build_access(notebook: Mapping[str, Any]) -> list[Manifest]:
    """Build the Role and RoleBinding that let the workbench's own account open the workbench.

    Whoever may make tokens of that account may thus sign in, and so may ``./lab status``'s links.
    """
    _, name = identity(notebook)
    rule = {
        "apiGroups": ["kubeflow.org"],
        "resources": ["notebooks"],
        "resourceNames": [name],
        "verbs": ["get"],
    }
    return build_grant(notebook, f"{name}-workbench-access", [rule])


def login_children(notebook: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return what exists only with the sign-in, as (apiVersion, kind, name)."""
    _, name = identity(notebook)
    names = login_names(name)
    return [
        ("route.openshift.io/v1", "Route", name),
        ("v1", "Service", names.service),
        ("v1", "Secret", f"{name}-oauth-config"),
        ("networking.k8s.io/v1", "NetworkPolicy", names.policy),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", f"{name}-workbench-access"),
        ("rbac.authorization.k8s.io/v1", "Role", f"{name}-workbench-access"),
    ]
