"""The Secrets of generated values, and the keys in them."""

from __future__ import annotations

from collections.abc import Mapping

from controllers.data_science_pipelines.build.names import metadata
from controllers.data_science_pipelines.specification import Application
from lab_ground.kubernetes.manifest import Manifest

SIGNING_KEY = "signing-key"
SESSION_KEY = "cookie_secret"
PASSWORD_KEY = "password"  # noqa: S105 - a name
CREDENTIALS_MARK = "lab.opendatahub.io/credentials-mark"


def secret_names(app: Application) -> dict[str, str]:
    """The Secrets that the controller makes, by what they hold."""
    return {
        "database": f"ds-pipeline-db-{app.name}",
        "store": f"ds-pipeline-s3-{app.name}",
        "admin": f"{app.minio}-admin",
        "server": f"ds-pipeline-server-{app.name}",
    }


def build_secret(app: Application, name: str, data: Mapping[str, str]) -> Manifest:
    """A Secret of generated values."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(app, name, "credentials"),
        "type": "Opaque",
        "stringData": dict(data),
    }
