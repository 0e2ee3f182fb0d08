"""The platform's pods as peers of a NetworkPolicy: each by its namespace and its labels.

A namespace alone is nobody: whatever else runs there would come in with the one that is meant.
"""

from __future__ import annotations

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.settings import get_settings


def pods_of(namespace: str, name: str) -> Manifest:
    """The pods of that name (`app.kubernetes.io/name`) in that namespace."""
    return {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": name}},
    }


def router() -> Manifest:
    """The router, which brings what comes by a Route."""
    return pods_of(get_settings().router_namespace, "lab-router")


def operators() -> Manifest:
    """The controllers."""
    return pods_of(get_settings().platform_namespace, "lab-operators")
