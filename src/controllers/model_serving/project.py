"""One namespace with its models, model servers and data connections, as a pass finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from controllers.model_serving.specs import Runtime
from controllers.model_serving.storage_config import MANAGED_LABEL, read_connections
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.serving import constants
from lab_ground.settings import get_settings


@dataclass
class Project:
    """One namespace, as it is at the start of a pass."""

    namespace: str
    model_mesh: bool
    services: list[Manifest]
    runtimes: list[Runtime]
    connections: dict[str, dict[str, str]]
    faults: dict[str, str]
    """Why a data connection cannot be used, by its name."""
    storage_version: str
    """resourceVersion of `storage-config`; empty if there is none."""

    @property
    def living(self) -> list[Manifest]:
        """InferenceServices that are not being deleted."""
        return [item for item in self.services if not ends(item)]


def read_project(client: KubernetesClient, namespace: str) -> Project | None:
    """All that a pass over a namespace needs to know; None if the namespace is gone."""
    found = client.get("v1", "Namespace", namespace)
    if found is None:
        return None
    services = client.list_objects(*constants.INFERENCE_SERVICE, namespace)
    runtimes = client.list_objects(*constants.SERVING_RUNTIME, namespace)
    if ends(found):
        runtimes = []
    secrets = client.list_objects("v1", "Secret", namespace, label_selector=f"{MANAGED_LABEL}=true")
    connections, faults = read_connections(secrets)
    return Project(
        namespace=namespace,
        model_mesh=not get_settings().plays_since("3.0")
        and (found["metadata"].get("labels") or {}).get(constants.ENABLED_LABEL) == "true",
        services=services,
        runtimes=[Runtime.read(runtime) for runtime in runtimes if not ends(runtime)],
        connections=connections,
        faults=faults,
        storage_version=next(
            (
                str(secret["metadata"]["resourceVersion"])
                for secret in secrets
                if secret["metadata"]["name"] == constants.STORAGE_CONFIG
            ),
            "",
        ),
    )


def ends(manifest: Mapping[str, Any]) -> bool:
    """Whether the object is being deleted."""
    return bool(manifest["metadata"].get("deletionTimestamp"))
