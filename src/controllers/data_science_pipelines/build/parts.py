"""Parts that several of the objects have."""

from __future__ import annotations

from controllers.data_science_pipelines.build.names import labels, metadata, selector
from controllers.data_science_pipelines.specification import Application
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.revisions import image_revisions
from lab_ground.settings import get_settings


def platform_image(wanted: str | None) -> str:
    """The image that the spec names if it is the platform's: upstream's would not run here."""
    return wanted if wanted and "lab-platform" in wanted else get_settings().platform_image


def from_secret(name: str, secret: str, key: str) -> Manifest:
    """A variable whose value is in a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def service(
    app: Application, name: str, component: str, pods: str, ports: list[Manifest]
) -> Manifest:
    """A Service in front of the pods of a Deployment."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(app, name, component),
        "spec": {
            "selector": selector(pods),
            "ports": [{"protocol": "TCP", **port} for port in ports],
        },
    }


def deployment(
    app: Application, name: str, component: str, pod: Manifest, *, recreate: bool = False
) -> Manifest:
    """A Deployment. The number of replicas is left to whoever scales it; it begins as one."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(app, name, component),
        "spec": {
            "strategy": {"type": "Recreate"}
            if recreate
            else {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": selector(name)},
            "template": {
                "metadata": {
                    "labels": labels(app, name, component),
                    "annotations": image_revisions(pod),
                },
                "spec": pod,
            },
        },
    }


def network_policy(
    app: Application, name: str, component: str, pods: str, ingress: list[Manifest]
) -> Manifest:
    """A NetworkPolicy over who reaches the pods of a Deployment."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(app, name, component),
        "spec": {
            "podSelector": {"matchLabels": selector(pods)},
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        },
    }
