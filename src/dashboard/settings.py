"""What the process reads from its environment, and from the file that the platform keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Size:
    """A container size: quantities as Kubernetes writes them."""

    name: str
    requests: Mapping[str, str]
    limits: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For an answer."""
        return {
            "name": self.name,
            "requests": dict(self.requests),
            "limits": dict(self.limits),
        }


@dataclass(frozen=True)
class Settings:
    """Where the dashboard is, and what its forms offer."""

    namespace: str
    base_domain: str
    column: str
    host: str
    sizes: tuple[Size, ...]
    model_sizes: tuple[Size, ...]
    storage_gib: int
    pull_policy: str
    package_index: str
    static: Path
    service_ca: str
    sign_in: str = ""

    @property
    def login_command(self) -> str:
        """Where the words for a terminal are; empty where there is no login for all doors."""
        return f"{self.sign_in.rstrip('/')}/token" if self.sign_in else ""

    @property
    def origin(self) -> str:
        """Where browsers find the dashboard."""
        return f"https://{self.host}"

    @property
    def login(self) -> str:
        """The annotation by which a workbench gets its sign-in, in the version that is played."""
        return "inject-auth" if self._since_3 else "inject-oauth"

    @property
    def gateway(self) -> str:
        """The one host of all workbenches since 3.0; empty where each has a Route."""
        return f"rh-ai.{self.base_domain}" if self._since_3 else ""

    @property
    def _since_3(self) -> bool:
        major = self.column.partition(".")[0]
        return major.isdigit() and int(major) >= 3


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the ``DASHBOARD_*`` variables.

    Raises:
        ValueError: a size has no name or no quantities; names it.
    """
    namespace = environment.get("DASHBOARD_NAMESPACE", "redhat-ods-applications")
    domain = environment.get("DASHBOARD_BASE_DOMAIN", "apps.mnist-lab.localhost")
    return Settings(
        namespace=namespace,
        base_domain=domain,
        column=environment.get("DASHBOARD_VERSION", "2.25"),
        host=environment.get("DASHBOARD_HOST") or f"rhods-dashboard-{namespace}.{domain}",
        sizes=read_sizes(environment.get("DASHBOARD_SIZES", ""), WORKBENCH_SIZES),
        model_sizes=read_sizes(environment.get("DASHBOARD_MODEL_SIZES", ""), MODEL_SIZES),
        storage_gib=int(environment.get("DASHBOARD_STORAGE_GIB", "20")),
        pull_policy=environment.get("DASHBOARD_PULL_POLICY", "IfNotPresent"),
        package_index=environment.get("DASHBOARD_PACKAGE_INDEX", "lab-package-index"),
        static=Path(environment.get("DASHBOARD_STATIC", "/opt/lab/dashboard")),
        service_ca=environment.get("DASHBOARD_SERVICE_CA", ""),
        sign_in=environment.get("DASHBOARD_SIGN_IN", ""),
    )


def read_sizes(text: str, default: tuple[Size, ...]) -> tuple[Size, ...]:
    """Read sizes from JSON: a list of name and resources, as ``notebookSizes`` upstream.

    Raises:
        ValueError: one of them has no name, no requests or no limits.
    """
    sizes = []
    for entry in json.loads(text) if text else ():
        resources = entry.get("resources") or {}
        requests, limits = resources.get("requests"), resources.get("limits")
        if not entry.get("name") or not requests or not limits:
            raise ValueError(f"a size needs name, resources.requests and .limits: {entry}")
        sizes.append(Size(str(entry["name"]), _texts(requests), _texts(limits)))
    return tuple(sizes) or default


def _texts(quantities: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in quantities.items()}


def _size(name: str, cpu: str, memory: str, most_cpu: str, most_memory: str) -> Size:
    requests = {"cpu": cpu, "memory": memory}
    return Size(name, requests, {"cpu": most_cpu, "memory": most_memory})


# Upstream's own, where the platform names none.
WORKBENCH_SIZES = (
    _size("Small", "1", "8Gi", "2", "8Gi"),
    _size("Medium", "3", "24Gi", "6", "24Gi"),
    _size("Large", "7", "56Gi", "14", "56Gi"),
)
MODEL_SIZES = (
    _size("Small", "1", "4Gi", "2", "8Gi"),
    _size("Medium", "4", "8Gi", "8", "10Gi"),
    _size("Large", "6", "16Gi", "10", "20Gi"),
)
