"""MariaDB, which keeps the runs: its volume, Service, Deployment and NetworkPolicy."""

from __future__ import annotations

from controllers.data_science_pipelines.build.names import metadata, selector
from controllers.data_science_pipelines.build.parts import (
    deployment,
    from_secret,
    network_policy,
    platform_image,
    service,
)
from controllers.data_science_pipelines.specification import DATABASE_PORT, Application
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import (
    restricted_container_security_context,
    restricted_pod_security_context,
)
from lab_ground.settings import get_settings


def build_database(app: Application) -> list[Manifest]:
    """MariaDB: volume, Service, Deployment, NetworkPolicy."""
    ports = [{"name": "mysql", "port": DATABASE_PORT, "targetPort": DATABASE_PORT}]
    from_server = {
        "from": [{"podSelector": {"matchLabels": selector(app.server)}}],
        "ports": [{"port": DATABASE_PORT, "protocol": "TCP"}],
    }
    return [
        _claim(app),
        service(app, app.mariadb, "database", app.mariadb, ports),
        deployment(app, app.mariadb, "database", _pod(app), recreate=True),
        network_policy(app, app.mariadb, "database", app.mariadb, [from_server]),
    ]


def _claim(app: Application) -> Manifest:
    claim: Manifest = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(app, app.mariadb, "database"),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": app.database.size}},
        },
    }
    storage_class = app.database.storage_class or get_settings().storage_class
    if storage_class:
        claim["spec"]["storageClassName"] = storage_class
    return claim


def _pod(app: Application) -> Manifest:
    return {
        "automountServiceAccountToken": False,
        "securityContext": restricted_pod_security_context(),
        "containers": [_container(app)],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": app.mariadb}},
            {"name": "run", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
        ],
    }


def _container(app: Application) -> Manifest:
    wanted = app.database
    probe = {"tcpSocket": {"port": DATABASE_PORT}}
    return {
        "name": "mariadb",
        "image": platform_image(wanted.image),
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "pipeline_database"],
        "env": [
            {"name": "MARIADB_DATABASE", "value": wanted.name},
            {"name": "MARIADB_USER", "value": wanted.user},
            from_secret(
                "MARIADB_PASSWORD", wanted.credentials.secret, wanted.credentials.password_key
            ),
        ],
        "ports": [{"name": "mariadb", "containerPort": DATABASE_PORT, "protocol": "TCP"}],
        "resources": dict(wanted.resources)
        or {
            "requests": {"cpu": "50m", "memory": "192Mi"},
            "limits": {"cpu": "1", "memory": "768Mi"},
        },
        "startupProbe": {**probe, "periodSeconds": 1, "failureThreshold": 180},
        "readinessProbe": {**probe, "periodSeconds": 3},
        "livenessProbe": {**probe, "periodSeconds": 20, "failureThreshold": 6},
        "securityContext": restricted_container_security_context(),
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/mysql"},
            {"name": "run", "mountPath": "/run/mysqld"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
        ],
    }
