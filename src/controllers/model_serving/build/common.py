"""What the servers of both modes have alike: token proxy, pods, who may reach which port."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from auth_proxy.container import build_auth_proxy_container, build_auth_proxy_volumes
from lab_ground.kubernetes import peers
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import restricted_pod_security_context
from lab_ground.kubernetes.revisions import image_revisions
from lab_ground.serving import constants

TOKEN_VOLUME = "service-account-token"  # noqa: S105 - a volume's name
_TLS_VOLUME = "proxy-tls"
_INSIDE: Manifest = {"podSelector": {}}
_WORKBENCHES = {"podSelector": {"matchLabels": {"opendatahub.io/workbenches": "true"}}}


def policy_port(number: int) -> Manifest:
    """A port in a NetworkPolicy."""
    return {"protocol": "TCP", "port": number}


def service_port(name: str, port: int, target: int | None = None) -> Manifest:
    """A port in a Service."""
    return {"name": name, "port": port, "targetPort": target or port, "protocol": "TCP"}


def build_token_proxy(review: Mapping[str, str], tls_secret: str) -> Manifest:
    """The container that checks tokens before the server, and its volumes."""
    container = build_auth_proxy_container(
        upstream_port=constants.REST_PORT, review=review, tls_volume=_TLS_VOLUME, port_name="https"
    )
    volumes = build_auth_proxy_volumes(tls_volume=_TLS_VOLUME, tls_secret=tls_secret)
    return {"containers": [container], "volumes": volumes}


def build_deployment(
    metadata: Mapping[str, Any],
    *,
    replicas: int,
    selector: Mapping[str, str],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    pod: Manifest,
) -> Manifest:
    """A server's Deployment: a new pod answers before an old one goes."""
    pod = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod_security_context(),
        **pod,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": dict(metadata),
        "spec": {
            "replicas": replicas,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": dict(selector)},
            "template": {
                "metadata": {
                    "labels": dict(labels),
                    "annotations": {**annotations, **image_revisions(pod)},
                },
                "spec": pod,
            },
        },
    }


def build_network_policy(
    metadata: Mapping[str, Any],
    selector: Mapping[str, str],
    *,
    authorised: bool,
    rules: Iterable[Manifest],
) -> Manifest:
    """The plain ports are not for everybody: behind a token proxy for workbenches only.

    Without one the router comes in too: a Route leads to pods of its own project alone.
    """
    plain = [policy_port(constants.REST_PORT), policy_port(constants.GRPC_PORT)]
    callers: Sequence[Manifest] = [_WORKBENCHES] if authorised else [_INSIDE, peers.router()]
    ingress = [*rules, {"ports": plain, "from": callers}]
    if authorised:
        ingress.append({"ports": [policy_port(constants.PROXY_PORT)]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": dict(metadata),
        "spec": {
            "podSelector": {"matchLabels": dict(selector)},
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        },
    }


def metrics_rule(*more: Manifest) -> Manifest:
    """Who may read the metrics: the project, the controllers, and whoever else is named."""
    return {
        "ports": [policy_port(constants.METRICS_PORT)],
        "from": [_INSIDE, peers.operators(), *more],
    }


def build_route(
    metadata: Mapping[str, Any], service: str, *, secured: bool, path: str = ""
) -> Manifest:
    """A model's Route: to the token proxy where there is one, else to the plain port."""
    spec = {
        "to": {"kind": "Service", "name": service, "weight": 100},
        "port": {"targetPort": "https" if secured else "http"},
        "tls": {
            "termination": "reencrypt" if secured else "edge",
            "insecureEdgeTerminationPolicy": "Redirect",
        },
        "wildcardPolicy": "None",
    }
    return {
        "apiVersion": constants.ROUTE[0],
        "kind": constants.ROUTE[1],
        "metadata": dict(metadata),
        "spec": {"path": path, **spec} if path else spec,
    }
