"""What the puller is told of a model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab_ground import connections
from lab_ground.connections import DataConnection, DataConnectionError
from model_puller.errors import PullError

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_REVISION = re.compile(r"[a-z0-9]([-_a-z0-9.]{0,300}[a-z0-9])?")


@dataclass(frozen=True)
class ModelSpec:
    """One model that should be served, at one revision."""

    name: str
    revision: str
    storage_key: str
    path: str
    bucket: str = ""

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> ModelSpec:
        """Read one entry of `models.json`; names become folders, so they are checked."""
        name, revision = str(item["name"]), str(item["revision"])
        if not _NAME.fullmatch(name) or not _REVISION.fullmatch(revision):
            raise PullError(f"'{name}' at '{revision}' is no name of a model", retry=False)
        return cls(
            name=name,
            revision=revision,
            storage_key=str(item["storageKey"]),
            path=str(item["path"]).lstrip("/"),
            bucket=str(item.get("bucket") or ""),
        )

    def served_as(self, version: str) -> str:
        """The name in replies: the revision's form, but another one for another content."""
        digest = hashlib.sha256(json.dumps([self.revision, version]).encode()).hexdigest()
        return f"{self.revision.rpartition('-')[0] or self.name}-{digest[:10]}"


# The fields of a data connection by their names in an entry of the Secret `storage-config`.
_ENTRY = {
    connections.ENDPOINT: "endpoint_url",
    connections.ACCESS_KEY: "access_key_id",
    connections.SECRET_KEY: "secret_access_key",
    connections.REGION: "region",
}


def read_entry(item: Mapping[str, Any], name: str) -> DataConnection:
    """Return the data connection that an entry of `storage-config` describes.

    Raises:
        PullError: a value of it cannot be right; names the field of the data connection.
    """
    if item.get("type", "s3") != "s3":
        raise PullError(f"storage of type '{item.get('type')}' is not supported", retry=False)
    values = {key: str(item.get(entry) or "") for key, entry in _ENTRY.items()}
    values[connections.BUCKET] = str(item.get("bucket") or item.get("default_bucket") or "")
    try:
        return connections.read_connection(values, name=name, needs_bucket=False)
    except DataConnectionError as error:
        raise PullError(str(error)) from None
