"""What "Configure pipeline server" makes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dashboard.objects.common import DASHBOARD
from lab_ground import connections
from lab_ground.connections import DataConnection
from lab_ground.kubernetes.manifest import Manifest

if TYPE_CHECKING:
    from dashboard.forms import DatabaseForm

NAME = "dspa"
STORAGE_SECRET = "dashboard-dspa-secret"  # noqa: S105 - a Secret's name
DATABASE_SECRET = "pipelines-db-password"  # noqa: S105 - a Secret's name


def build_storage_secret(namespace: str, connection: DataConnection) -> Manifest:
    """The store's keys."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": STORAGE_SECRET, "namespace": namespace, "labels": dict(DASHBOARD)},
        "type": "Opaque",
        "stringData": {
            connections.ACCESS_KEY: connection.access_key_id,
            connections.SECRET_KEY: connection.secret_access_key,
        },
    }


def build_database_secret(namespace: str, password: str) -> Manifest:
    """The password of a database of one's own."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": DATABASE_SECRET, "namespace": namespace, "labels": dict(DASHBOARD)},
        "type": "Opaque",
        "stringData": {"db-password": password},
    }


def build_server(
    namespace: str, connection: DataConnection, database: DatabaseForm | None
) -> Manifest:
    """The DataSciencePipelinesApplication."""
    scheme, host = split_endpoint(connection.endpoint)
    spec: Manifest = {
        "dspVersion": "v2",
        "apiServer": {"enableSamplePipeline": False},
        "objectStorage": {
            "externalStorage": {
                "host": host,
                "scheme": scheme,
                "bucket": connection.bucket,
                "region": connection.region,
                "s3CredentialsSecret": {
                    "secretName": STORAGE_SECRET,
                    "accessKey": connections.ACCESS_KEY,
                    "secretKey": connections.SECRET_KEY,
                },
            }
        },
    }
    if database is not None:
        spec["database"] = {
            "externalDB": {
                "host": database.host,
                "port": str(database.port),
                "username": database.username,
                "pipelineDBName": database.name,
                "passwordSecret": {"name": DATABASE_SECRET, "key": "db-password"},
            }
        }
    return {
        "apiVersion": "datasciencepipelinesapplications.opendatahub.io/v1",
        "kind": "DataSciencePipelinesApplication",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": spec,
    }


def split_endpoint(endpoint: str) -> tuple[str, str]:
    """Scheme (https where none is given) and host of an endpoint, without a slash at its end.

    >>> split_endpoint("http://minio:9000/")
    ('http', 'minio:9000')
    """
    match = re.match(r"(?i)(https?)://(.*)", endpoint)
    scheme, rest = (match[1].lower(), match[2]) if match else ("https", endpoint)
    return scheme, rest.rstrip("/")
