"""What the platform's processes read from their environment, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

INTERNAL_REGISTRY = "image-registry.openshift-image-registry.svc:5000"
PLATFORM_IMAGES = f"{INTERNAL_REGISTRY}/redhat-ods-applications"


@dataclass(frozen=True)
class Settings:
    """Where the platform runs and which images it starts."""

    base_domain: str
    platform_namespace: str
    router_namespace: str
    platform_image: str
    serving_image: str
    platform_revision: str
    serving_revision: str
    cluster_domain: str
    image_registry: str
    image_namespace: str
    router_name: str
    storage_class: str | None
    log_level: str
    login_url: str = ""
    openshift_ai_version: str = "2.25"
    """The version of OpenShift AI whose behaviour the platform plays."""
    route_requests: int = 0
    """How many requests may be under way by one Route of a seat; 0: any number."""

    @property
    def platform_namespaces(self) -> frozenset[str]:
        """The platform's own namespaces, in which no learner has rights."""
        return frozenset({self.platform_namespace, self.router_namespace, self.image_namespace})

    def requests_of(self, namespace: str) -> int:
        """How many may be by a Route of a namespace: the platform's own serve all seats."""
        return 0 if namespace in self.platform_namespaces else self.route_requests

    @property
    def sign_in_url(self) -> str:
        """Where a browser signs in, for all doors."""
        return f"https://login-{self.platform_namespace}.{self.base_domain}"

    @property
    def api_host(self) -> str:
        """Host of the API server for clients outside, at the router."""
        return f"api-{self.platform_namespace}.{self.base_domain}"

    def plays_since(self, version: str) -> bool:
        """Say whether the version that is played is this one or a later one."""
        return _numbers(self.openshift_ai_version) >= _numbers(version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Build the settings from the ``LAB_*`` variables, each with the embedded lab's default."""
    return Settings(
        base_domain=environment.get("LAB_BASE_DOMAIN", "apps.mnist-lab.localhost"),
        platform_namespace=environment.get("LAB_PLATFORM_NAMESPACE", "lab-platform"),
        router_namespace=environment.get("LAB_ROUTER_NAMESPACE", "lab-router"),
        platform_image=environment.get("LAB_PLATFORM_IMAGE", f"{PLATFORM_IMAGES}/lab-platform:1.0"),
        serving_image=environment.get("LAB_SERVING_IMAGE", f"{PLATFORM_IMAGES}/mnist-serving:1.0"),
        platform_revision=environment.get("LAB_PLATFORM_REVISION", ""),
        serving_revision=environment.get("LAB_SERVING_REVISION", ""),
        cluster_domain=environment.get("LAB_CLUSTER_DOMAIN", "cluster.local"),
        image_registry=environment.get("LAB_IMAGE_REGISTRY", INTERNAL_REGISTRY),
        image_namespace=environment.get("LAB_IMAGE_NAMESPACE", "redhat-ods-applications"),
        router_name=environment.get("LAB_ROUTER_NAME", "default"),
        storage_class=environment.get("LAB_STORAGE_CLASS") or None,
        log_level=environment.get("LAB_LOG_LEVEL", "INFO"),
        openshift_ai_version=environment.get("LAB_OPENSHIFT_AI_VERSION", "2.25"),
        # Empty where nobody signs in with a password.
        login_url=environment.get("LAB_LOGIN_URL", ""),
        route_requests=int(environment.get("LAB_ROUTE_REQUESTS", "500")),
    )


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return this process's settings, read once."""
    return read_settings(os.environ)
