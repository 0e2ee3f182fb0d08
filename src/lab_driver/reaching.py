"""Why nothing outside the cluster can ask the model, where the lab's objects tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

Manifest = Mapping[str, Any]
# The name that OpenShift AI gives the port of a model server's token proxy.
PROXY_PORT = "https"


def obstacle(url: str, server: str, routes: Iterable[Manifest], service: Manifest | None) -> str:
    """Return what stands between ``url`` and the model server, as a sentence; empty if nothing.

    ``server`` is the name of its Service, ``service`` that Service where it is there.
    """
    host = urlsplit(url).hostname
    hosts = {
        entry.get("host")
        for route in routes
        for entry in (route.get("status") or {}).get("ingress") or ()
    }
    if host not in hosts:
        return (
            f"no Route leads from {host} to the model server, so the checks cannot ask it; "
            "./lab run prepare-lab makes the Route"
        )
    if service is None:
        return (
            f"there is no model server (no Service {server}): configure one in the dashboard, or "
            "run ./lab run serve-model"
        )
    if PROXY_PORT not in {port.get("name") for port in service["spec"].get("ports") or ()}:
        return (
            f"the model server {server} asks for no token: edit it in the dashboard and choose "
            "token authorization, or run ./lab run serve-model"
        )
    return ""
