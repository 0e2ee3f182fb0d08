"""The containers that both modes' pods are made of."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from controllers.model_serving.specs import SpecError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import restricted_container_security_context
from lab_ground.kubernetes.quantities import parse_bytes
from lab_ground.serving import constants
from lab_ground.settings import get_settings

_DEFAULT_RESOURCES = {
    "requests": {"cpu": "100m", "memory": "256Mi"},
    "limits": {"cpu": "2", "memory": "1Gi"},
}
_TRUSTED_CA = "odh-trusted-ca-bundle"
_TRUSTED_CA_FILE = "/etc/pki/lab/ca-bundle.crt"


def build_server_container(
    runtime: Mapping[str, Any],
    *,
    models_dir: str,
    readiness_path: str,
    load_at_start: bool = False,
) -> Manifest:
    """The runtime's first container, with the server's ports, folders and probes added."""
    container = copy.deepcopy(dict(runtime["spec"]["containers"][0]))
    container.setdefault("image", get_settings().serving_image)
    container.setdefault("imagePullPolicy", "IfNotPresent")
    container["resources"] = container.get("resources") or copy.deepcopy(_DEFAULT_RESOURCES)
    container["env"] = _with_environment(
        container.get("env") or [],
        {
            "LAB_SERVER_MODELS_DIR": models_dir,
            "LAB_SERVER_LOAD_AT_START": "true" if load_at_start else "false",
        },
    )
    container["ports"] = [
        {"name": "http", "containerPort": constants.REST_PORT, "protocol": "TCP"},
        {"name": "grpc", "containerPort": constants.GRPC_PORT, "protocol": "TCP"},
        {"name": "prometheus", "containerPort": constants.METRICS_PORT, "protocol": "TCP"},
    ]
    live = {"httpGet": {"path": "/v2/health/live", "port": constants.REST_PORT}}
    container.setdefault("startupProbe", {**live, "periodSeconds": 1, "failureThreshold": 120})
    container.setdefault(
        "readinessProbe",
        {
            "httpGet": {"path": readiness_path, "port": constants.REST_PORT},
            "periodSeconds": 5,
            "timeoutSeconds": 5,
        },
    )
    container.setdefault(
        "livenessProbe", {**live, "periodSeconds": 10, "failureThreshold": 6, "timeoutSeconds": 5}
    )
    # A pod leaves its Service's addresses a moment after it is told to end.
    container.setdefault("lifecycle", {"preStop": {"exec": {"command": ["sleep", "3"]}}})
    container.setdefault("securityContext", restricted_container_security_context())
    container["volumeMounts"] = [
        *(container.get("volumeMounts") or []),
        {"name": "models", "mountPath": models_dir, "readOnly": True},
        {"name": "server-tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
    ]
    return container


def build_puller_container(
    runtime: Mapping[str, Any],
    *,
    name: str,
    models_dir: str,
    environment: Mapping[str, str],
    arguments: Sequence[str] = (),
    mounts: Sequence[Mapping[str, Any]] = (),
) -> Manifest:
    """The container that fetches models; it has the credentials, the server has none."""
    server_memory = memory_limit(runtime)
    container: Manifest = {
        "name": name,
        "image": get_settings().serving_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "model_puller", *arguments],
        "env": [
            {"name": key, "value": value}
            for key, value in {
                "LAB_SERVER_MODELS_DIR": models_dir,
                "LAB_PULLER_SERVER_MEMORY": str(server_memory),
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CA_BUNDLE": _TRUSTED_CA_FILE,
                **environment,
            }.items()
        ],
        "resources": {
            "requests": {"cpu": "50m", "memory": "128Mi"},
            # A trial opens the model once more, so it may take what the server may.
            "limits": {"cpu": "1", "memory": str(server_memory + 256 * 1024 * 1024)},
        },
        "securityContext": restricted_container_security_context(),
        "volumeMounts": [
            {"name": "models", "mountPath": models_dir},
            {"name": "puller-tmp", "mountPath": "/tmp"},  # noqa: S108
            {"name": "trusted-ca", "mountPath": "/etc/pki/lab", "readOnly": True},
            *mounts,
        ],
    }
    return container


def build_volumes() -> list[Manifest]:
    """The volumes that the two containers above mount."""
    return [
        {"name": "models", "emptyDir": {"sizeLimit": "4Gi"}},
        {"name": "server-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        {"name": "puller-tmp", "emptyDir": {"sizeLimit": "64Mi"}},
        {
            "name": "trusted-ca",
            "configMap": {
                "name": _TRUSTED_CA,
                "optional": True,
                "items": [{"key": "ca-bundle.crt", "path": "ca-bundle.crt"}],
            },
        },
    ]


def build_token_volume(name: str) -> Manifest:
    """A service account's token for one container, where the pod mounts none by itself."""
    return {
        "name": name,
        "projected": {
            "defaultMode": 0o444,
            "sources": [
                {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
                {
                    "configMap": {
                        "name": "kube-root-ca.crt",
                        "items": [{"key": "ca.crt", "path": "ca.crt"}],
                    }
                },
                {
                    "downwardAPI": {
                        "items": [
                            {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
                        ]
                    }
                },
            ],
        },
    }


def build_token_mount(name: str) -> Manifest:
    """Where client libraries look for it."""
    return {
        "name": name,
        "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        "readOnly": True,
    }


def memory_limit(runtime: Mapping[str, Any]) -> int:
    """The server's memory limit in bytes; SpecError where it says no quantity."""
    resources = runtime["spec"]["containers"][0].get("resources") or _DEFAULT_RESOURCES
    stated = (resources.get("limits") or {}).get("memory")
    try:
        return parse_bytes(str(stated)) if stated else 1024 * 1024 * 1024
    except ValueError as error:
        name = runtime["metadata"]["name"]
        raise SpecError("RuntimeUnhealthy", f"ServingRuntime '{name}': {error}") from error


def _with_environment(
    present: Sequence[Mapping[str, Any]], added: Mapping[str, str]
) -> list[Manifest]:
    names = {item["name"] for item in present}
    return [
        *(dict(item) for item in present),
        *({"name": key, "value": value} for key, value in added.items() if key not in names),
    ]
