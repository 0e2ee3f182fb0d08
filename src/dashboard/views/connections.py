"""Data connections as the page shows them, with what is connected to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import kinds
from dashboard.catalogue import is_shown, labels_of
from dashboard.objects.common import display_of
from dashboard.objects.connection import FIELDS, MANAGED, TYPE
from dashboard.snapshot import Snapshot
from lab_ground.connections import (
    BUCKET,
    ENDPOINT,
    REGION,
    DataConnectionError,
    decode_secret,
    read_secret,
)

Thing = Mapping[str, Any]


def is_connection(secret: Thing) -> bool:
    """Whether a Secret is a data connection, of the older or the newer form."""
    annotations = secret["metadata"].get("annotations") or {}
    old = labels_of(secret).get(MANAGED) == "true" and annotations.get(TYPE) == "s3"
    new = annotations.get("opendatahub.io/connection-type-ref") == "s3"
    return is_shown(secret) and (old or new)


def connection_items(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Every data connection, by name."""
    secrets = [secret for secret in snapshot.need(kinds.SECRET) if is_connection(secret)]
    return [connection_item(secret, snapshot) for secret in secrets]


def connection_item(secret: Thing, snapshot: Snapshot) -> dict[str, Any]:
    """One data connection, without its keys."""
    values, _ = decode_secret(secret)
    try:
        read_secret(secret)
        fault = None
    except DataConnectionError as error:
        fault = str(error)
    return {
        "name": secret["metadata"]["name"],
        "displayName": display_of(secret),
        "type": "Object storage",
        "endpoint": values.get(ENDPOINT, ""),
        "region": values.get(REGION, ""),
        "bucket": values.get(BUCKET, ""),
        "fault": fault,
        "connected": connected_of(secret["metadata"]["name"], snapshot),
        "created": secret["metadata"].get("creationTimestamp"),
    }


def connection_form(secret: Thing, snapshot: Snapshot) -> dict[str, Any]:
    """The form as it would be sent to make the connection as it is, with both keys."""
    values, _ = decode_secret(secret)
    used = connected_of(secret["metadata"]["name"], snapshot)
    return {
        "displayName": display_of(secret),
        **{field: values.get(key, "") for field, key in FIELDS.items()},
        "workbenches": [entry["name"] for entry in used if entry["kind"] == "workbench"],
    }


def notebooks_with(secret: str, snapshot: Snapshot) -> list[Thing]:
    """The workbenches that have a Secret's variables."""
    return [
        notebook
        for notebook in snapshot.of(kinds.NOTEBOOK)
        if any(
            (entry.get("secretRef") or {}).get("name") == secret
            for container in notebook["spec"]["template"]["spec"].get("containers") or ()
            for entry in container.get("envFrom") or ()
        )
    ]


def connected_of(secret: str, snapshot: Snapshot) -> list[dict[str, str]]:
    """What uses a data connection."""
    found: list[tuple[str, Thing]] = [("workbench", n) for n in notebooks_with(secret, snapshot)]
    for model in snapshot.of(kinds.MODEL):
        predictor = (model.get("spec") or {}).get("predictor") or {}
        storage = (predictor.get("model") or {}).get("storage") or {}
        if storage.get("key") == secret:
            found.append(("model", model))
    for application in snapshot.of(kinds.PIPELINES):
        store = (application.get("spec") or {}).get("objectStorage") or {}
        keys = (store.get("externalStorage") or {}).get("s3CredentialsSecret") or {}
        if keys.get("secretName") == secret:
            found.append(("pipelines", application))
    return [
        {"kind": kind, "name": thing["metadata"]["name"], "displayName": display_of(thing)}
        for kind, thing in found
    ]
