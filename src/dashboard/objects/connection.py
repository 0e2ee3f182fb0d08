"""Data connections: the Secret, and how it gets into a workbench's environment and out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.objects.common import metadata
from lab_ground import connections
from lab_ground.kubernetes.manifest import Manifest

if TYPE_CHECKING:
    from dashboard.forms import ConnectionForm

TYPE = "opendatahub.io/connection-type"
MANAGED = "opendatahub.io/managed"
PREFIX = "aws-connection-"
# The form's fields and the keys of the Secret.
FIELDS = {
    "accessKey": connections.ACCESS_KEY,
    "secretKey": connections.SECRET_KEY,
    "endpoint": connections.ENDPOINT,
    "region": connections.REGION,
    "bucket": connections.BUCKET,
}
FIELD_OF = {key: field for field, key in FIELDS.items()}


def values_of(form: ConnectionForm) -> dict[str, str]:
    """The Secret's values, without what surrounds them where they were pasted."""
    given = form.model_dump(by_alias=True)
    return {key: connections.trimmed(given[field]) for field, key in FIELDS.items()}


def build_secret(namespace: str, name: str, form: ConnectionForm) -> Manifest:
    """The Secret of a data connection."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(
            namespace,
            name,
            form.display_name.strip(),
            labels={MANAGED: "true"},
            annotations={TYPE: "s3"},
        ),
        "type": "Opaque",
        "stringData": values_of(form),
    }


def connect_patch(notebook: Manifest, secret: str) -> dict[str, Any] | None:
    """Merge patch that gives a Notebook the connection's variables; None if it has them."""
    container = notebook["spec"]["template"]["spec"]["containers"][0]
    present = container.get("envFrom") or []
    if any((entry.get("secretRef") or {}).get("name") == secret for entry in present):
        return None
    return _with_env_from(notebook, [*present, {"secretRef": {"name": secret}}])


def disconnect_patch(notebook: Manifest, secret: str) -> dict[str, Any]:
    """Merge patch that takes the connection's variables from a Notebook."""
    container = notebook["spec"]["template"]["spec"]["containers"][0]
    kept = [
        entry
        for entry in container.get("envFrom") or ()
        if (entry.get("secretRef") or {}).get("name") != secret
    ]
    return _with_env_from(notebook, kept)


def _with_env_from(notebook: Manifest, entries: list[Any]) -> dict[str, Any]:
    first, *others = notebook["spec"]["template"]["spec"]["containers"]
    containers = [{**first, "envFrom": entries}, *others]
    return {
        "metadata": {"resourceVersion": notebook["metadata"]["resourceVersion"]},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
