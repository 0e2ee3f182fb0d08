"""Labels and owner references, the same for every object that the platform makes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

MANAGED_BY = "lab-platform"


def owner_reference(owner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the controlling owner reference to an object, so that it takes its children along."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_owned_by(manifest: Mapping[str, Any], owner: Mapping[str, Any]) -> bool:
    """Say whether an object belongs to exactly this owner (by uid, not by name)."""
    references = manifest.get("metadata", {}).get("ownerReferences") or []
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in references)


def controller_of(manifest: Mapping[str, Any], kind: str) -> str | None:
    """Return the name of the controlling owner of that kind, if there is one."""
    for reference in manifest.get("metadata", {}).get("ownerReferences") or []:
        if reference.get("controller") and reference["kind"] == kind:
            return str(reference["name"])
    return None


def standard_labels(name: str, component: str, part_of: str | None = None) -> dict[str, str]:
    """Return Kubernetes' recommended labels for an object of a stand-in."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": part_of or name,
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }


def oauth_redirect(name: str, route: str) -> dict[str, str]:
    """Return the annotation by which OpenShift lets an account's login lead back to a Route."""
    reference = {"kind": "Route", "name": route}
    told = {"kind": "OAuthRedirectReference", "apiVersion": "v1", "reference": reference}
    key = f"serviceaccounts.openshift.io/oauth-redirectreference.{name}"
    return {key: json.dumps(told, separators=(",", ":"))}


def restricted_pod_security_context() -> dict[str, Any]:
    """Return a pod's security context that Pod Security ``restricted`` accepts."""
    return {
        "runAsNonRoot": True,
        # Volumes are the group's, whatever user the image names.
        "fsGroup": 1001,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def restricted_container_security_context(*, read_only: bool = True) -> dict[str, Any]:
    """Return a container's security context that Pod Security ``restricted`` accepts."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": read_only,
    }
