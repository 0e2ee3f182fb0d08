"""The ways to the server: its Services, its Route, and who may take them."""

from __future__ import annotations

from controllers.data_science_pipelines.build.names import (
    GRPC_PORT,
    HTTP_PORT,
    OAUTH_PORT,
    metadata,
    tls_secret,
)
from controllers.data_science_pipelines.build.parts import network_policy, service
from controllers.data_science_pipelines.specification import Application
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.settings import get_settings


def proxy_port() -> str:
    """The name of the token proxy's port: oauth-proxy's up to 2.x, kube-rbac-proxy's since 3.0."""
    return "proxy" if get_settings().plays_since("3.0") else "oauth"


def build_server_services(app: Application, *, alias: bool) -> list[Manifest]:
    """The server's Services: its own, whose certificate it asks for, and upstream's alias."""
    ports = [
        {"name": "http", "port": HTTP_PORT, "targetPort": HTTP_PORT},
        {"name": "grpc", "port": GRPC_PORT, "targetPort": GRPC_PORT},
    ]
    if app.oauth:
        ports.insert(0, {"name": proxy_port(), "port": OAUTH_PORT, "targetPort": OAUTH_PORT})
    own = service(app, app.server, "pipeline-server", app.server, ports)
    own["metadata"]["annotations"] = {
        "service.beta.openshift.io/serving-cert-secret-name": tls_secret(app)
    }
    services = [own]
    if alias:
        services.append(service(app, "ml-pipeline", "pipeline-server", app.server, ports))
    return services


def build_route(app: Application) -> Manifest:
    """The Route to the token proxy."""
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": {
            **metadata(app, app.server, "pipeline-server"),
            "annotations": {"kubernetes.io/tls-acme": "true"},
        },
        "spec": {
            "to": {"kind": "Service", "name": app.server, "weight": 100},
            "port": {"targetPort": proxy_port() if app.oauth else "http"},
            "tls": {
                "termination": "reencrypt" if app.oauth else "edge",
                "insecureEdgeTerminationPolicy": "Redirect",
            },
        },
    }


def build_network_policy(app: Application) -> Manifest:
    """8443 for all; 8888 and 8887 for the server's own pods, its steps, and workbenches."""
    peers = [
        {"podSelector": {"matchLabels": {"component": "data-science-pipelines"}}},
        {"podSelector": {"matchLabels": {"pipelines.kubeflow.org/v2_component": "true"}}},
        {"podSelector": {"matchLabels": {"opendatahub.io/workbenches": "true"}}},
    ]
    ingress: list[Manifest] = [
        {"ports": [{"port": OAUTH_PORT, "protocol": "TCP"}]},
        {
            "from": peers,
            "ports": [
                {"port": HTTP_PORT, "protocol": "TCP"},
                {"port": GRPC_PORT, "protocol": "TCP"},
            ],
        },
    ]
    return network_policy(app, f"ds-pipelines-{app.name}", "pipeline-server", app.server, ingress)
