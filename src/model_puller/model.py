"""What the puller is told of a model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class Connection:
    """Where and how to reach the object store: one entry of the Secret `storage-config`."""

    endpoint: str
    region: str
    bucket: str
    access_key: str
    secret_key: str

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Connection:
        """Read the JSON that a key of `storage-config` holds."""
        if item.get("type", "s3") != "s3":
            raise PullError(f"storage of type '{item.get('type')}' is not supported", retry=False)
        return cls(
            endpoint=str(item.get("endpoint_url") or ""),
            region=str(item.get("region") or "us-east-1"),
            bucket=str(item.get("bucket") or item.get("default_bucket") or ""),
            access_key=str(item.get("access_key_id") or ""),
            secret_key=str(item.get("secret_access_key") or ""),
        )

    def __repr__(self) -> str:
        return f"Connection(endpoint={self.endpoint!r}, bucket={self.bucket!r})"
