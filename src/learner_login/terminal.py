"""What signs a terminal in: the API server as clients reach it, and a kubeconfig."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Terminal:
    """Where clients outside the cluster reach the API server.

    ``authority`` is the file of the certificate that they know it by; None where their system's do.
    """

    server: str
    authority: Path | None = None

    def trusted(self) -> str:
        """Return the authority's certificate; empty where none is needed, or there is none yet."""
        if self.authority is None or not self.authority.exists():
            return ""
        return self.authority.read_text(encoding="utf-8")

    def kubeconfig(self, user: str, token: str, project: str) -> str:
        """Return a kubeconfig with a user's token, in the user's project where it is known."""
        cluster: dict[str, Any] = {"server": self.server}
        if trusted := self.trusted():
            data = base64.b64encode(trusted.encode()).decode()
            cluster["certificate-authority-data"] = data
        context = {"cluster": "mnist-lab", "user": user}
        if project:
            context["namespace"] = project
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "mnist-lab", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "mnist-lab", "context": context}],
            "current-context": "mnist-lab",
        }
        return str(yaml.safe_dump(config, sort_keys=False))


def project_of(learner: str, seats: Mapping[str, Any] | None) -> str:
    """Return a learner's project by the class's list (a ConfigMap); empty where it says nothing."""
    try:
        listed = json.loads(((seats or {}).get("data") or {}).get("seats.json", "{}"))["seats"]
        found = (seat["namespace"] for seat in listed if seat.get("learner") == learner)
        return str(next(found, ""))
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""
