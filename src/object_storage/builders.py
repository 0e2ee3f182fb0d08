"""What one project's object store is made of: Secret, PVC, Deployment, Service, Route."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import (
    restricted_container_security_context,
    restricted_pod_security_context,
    standard_labels,
)
from lab_ground.kubernetes.revisions import image_revisions
from lab_ground.settings import get_settings
from object_storage.process import (
    S3_PORT,
    build_command,
    build_front_configuration,
    build_startup_check,
)

_BUCKET_ACTIONS = ("Read", "Write", "List", "Tagging")
IDENTITIES_KEY = "identities.json"
FRONT_KEY = "nginx.conf"
# The store itself is asked through the front: there is no other way to it.
_PROBE = {"httpGet": {"path": "/healthz", "port": S3_PORT}}


@dataclass(frozen=True)
class Identity:
    """One pair of keys and the buckets it may use; no buckets means every one (the admin's)."""

    name: str
    access_key: str
    secret_key: str
    buckets: tuple[str, ...] = ()
    admin: bool = False


@dataclass(frozen=True)
class ObjectStore:
    """An object store as it is wanted."""

    name: str
    namespace: str
    identities: tuple[Identity, ...]
    size: str = "10Gi"
    storage_class: str | None = None
    image: str | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """The labels of everything that belongs to this store."""
        return {"app": self.name, **standard_labels(self.name, "object-storage")}

    @property
    def selector(self) -> dict[str, str]:
        """The labels that find its pod."""
        return {"app": self.name, "app.kubernetes.io/component": "object-storage"}


def generate_key(length: int = 32) -> str:
    """Return a new random key, of letters and digits only."""
    alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(length))


def build_identities(identities: Iterable[Identity]) -> dict[str, Any]:
    """Build SeaweedFS's identity file: every identity with the actions on its own buckets."""
    return {
        "identities": [
            {
                "name": identity.name,
                "credentials": [
                    {"accessKey": identity.access_key, "secretKey": identity.secret_key}
                ],
                "actions": ["Admin"]
                if identity.admin
                else [
                    f"{action}:{bucket}"
                    for bucket in identity.buckets
                    for action in _BUCKET_ACTIONS
                ],
            }
            for identity in identities
        ]
    }


def build_identities_secret(store: ObjectStore) -> Manifest:
    """Build the Secret ``<name>-identities`` that the store reads at its start."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{store.name}-identities",
            "namespace": store.namespace,
            "labels": store.labels,
        },
        "type": "Opaque",
        "stringData": {
            IDENTITIES_KEY: json.dumps(build_identities(store.identities), sort_keys=True),
            FRONT_KEY: build_front_configuration(),
        },
    }


def build_claim(store: ObjectStore) -> Manifest:
    """Build the PersistentVolumeClaim of the store."""
    spec: Manifest = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": store.size}},
    }
    storage_class = store.storage_class or get_settings().storage_class
    if storage_class:
        spec["storageClassName"] = storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": store.name, "namespace": store.namespace, "labels": store.labels},
        "spec": spec,
    }


def build_deployment(store: ObjectStore) -> Manifest:
    """Build the Deployment: one pod, replaced and not rolled, for it alone may hold the volume."""
    identities = json.dumps(build_identities(store.identities), sort_keys=True)
    read = identities + build_front_configuration()
    checksum = hashlib.sha256(read.encode()).hexdigest()
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": restricted_pod_security_context(),
        "containers": [_store_container(store), _front_container(store)],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": store.name}},
            {"name": "identities", "secret": {"secretName": f"{store.name}-identities"}},
            {"name": "run", "emptyDir": {}},
            {"name": "front", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": store.name, "namespace": store.namespace, "labels": store.labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": store.selector},
            "template": {
                "metadata": {
                    "labels": store.labels,
                    "annotations": {
                        "lab.opendatahub.io/identities-checksum": checksum,
                        **image_revisions(pod),
                    },
                },
                "spec": pod,
            },
        },
    }


def _store_container(store: ObjectStore) -> Manifest:
    return {
        "name": "minio",
        "image": _image(store),
        "imagePullPolicy": "IfNotPresent",
        "command": build_command(),
        "resources": dict(store.resources)
        or {
            "requests": {"cpu": "50m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        },
        "startupProbe": {
            "exec": {"command": build_startup_check()},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
            "failureThreshold": 120,
        },
        "livenessProbe": {**_PROBE, "periodSeconds": 20, "failureThreshold": 6},
        "securityContext": restricted_container_security_context(),
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "identities", "mountPath": "/etc/seaweedfs", "readOnly": True},
            {"name": "run", "mountPath": "/run/seaweedfs"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    }


def _front_container(store: ObjectStore) -> Manifest:
    return {
        "name": "front",
        "image": _image(store),
        "imagePullPolicy": "IfNotPresent",
        "command": ["nginx", "-e", "stderr", "-c", f"/etc/seaweedfs/{FRONT_KEY}"],
        "ports": [{"name": "http", "containerPort": S3_PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": "10m", "memory": "16Mi"},
            "limits": {"cpu": "500m", "memory": "64Mi"},
        },
        "readinessProbe": {**_PROBE, "periodSeconds": 5},
        "securityContext": restricted_container_security_context(),
        "volumeMounts": [
            {"name": "identities", "mountPath": "/etc/seaweedfs", "readOnly": True},
            {"name": "front", "mountPath": "/run/seaweedfs"},
        ],
    }


def _image(store: ObjectStore) -> str:
    return store.image or get_settings().platform_image


def build_service(store: ObjectStore, name: str | None = None) -> Manifest:
    """Build the Service on port 9000; ``name`` makes an alias of it."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name or store.name,
            "namespace": store.namespace,
            "labels": store.labels,
        },
        "spec": {
            "selector": store.selector,
            "ports": [
                {"name": "http", "port": S3_PORT, "targetPort": S3_PORT, "protocol": "TCP"},
            ],
        },
    }


def build_route(store: ObjectStore, host: str | None = None) -> Manifest:
    """Build the Route that opens the store outside the cluster, over TLS."""
    spec: Manifest = {
        "to": {"kind": "Service", "name": store.name, "weight": 100},
        "port": {"targetPort": "http"},
        "tls": {"termination": "edge", "insecureEdgeTerminationPolicy": "Redirect"},
    }
    if host:
        spec["host"] = host
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": {"name": store.name, "namespace": store.namespace, "labels": store.labels},
        "spec": spec,
    }


def build_object_store(store: ObjectStore, *, route: bool = False) -> list[Manifest]:
    """Build everything of a store, in the order in which to apply it."""
    manifests = [
        build_identities_secret(store),
        build_claim(store),
        build_service(store),
        build_deployment(store),
    ]
    if route:
        manifests.append(build_route(store))
    return manifests
