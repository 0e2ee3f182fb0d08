"""A Route's status: under which host the router serves it, or why it does not; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controllers.route.build.claims import Admission
from lab_ground.kubernetes.conditions import set_condition
from lab_ground.kubernetes.manifest import Manifest


def build_status(
    route: Mapping[str, Any], admission: Admission, router_name: str, base_domain: str
) -> Manifest:
    """Build a Route's status; what other routers wrote there stays."""
    ingress = list((route.get("status") or {}).get("ingress") or [])
    ours: Mapping[str, Any] = next(
        (entry for entry in ingress if entry.get("routerName") == router_name), {}
    )
    conditions = set_condition(
        ours.get("conditions"),
        "Admitted",
        admission.admitted,
        admission.reason or "Admitted",
        admission.message,
    )
    entry = {
        "host": admission.host,
        "routerName": router_name,
        "routerCanonicalHostname": f"router-{router_name}.{base_domain}",
        "wildcardPolicy": "None",
        "conditions": conditions,
    }
    others = [other for other in ingress if other.get("routerName") != router_name]
    return {"ingress": [entry, *others]}
