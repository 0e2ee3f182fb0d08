"""Applies manifests, but not one that was applied a moment ago."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest

_APPLIED_FOR = 120.0


class Applier:
    """Applies manifests, but not one that it has applied a moment ago."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._applied: dict[tuple[str, str, str], tuple[str, float]] = {}

    def apply(
        self, client: KubernetesClient, manifest: Manifest, owner: Mapping[str, Any] | None = None
    ) -> Manifest | None:
        """Apply unless the same was applied within the last two minutes; None if it was."""
        metadata = manifest["metadata"]
        key = (metadata.get("namespace", ""), manifest["kind"], metadata["name"])
        text = json.dumps([manifest, (owner or {}).get("metadata", {}).get("uid")], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        with self._lock:
            before = self._applied.get(key)
        if before and before[0] == digest and time.monotonic() < before[1]:
            return None
        applied = client.apply(manifest, owner)
        with self._lock:
            self._applied[key] = (digest, time.monotonic() + _APPLIED_FOR)
        return applied

    def delete(
        self, client: KubernetesClient, api: str, kind: str, name: str, namespace: str = ""
    ) -> None:
        """Delete what may have been applied."""
        self.forget(namespace, kind, name)
        client.delete(api, kind, name, namespace or None)

    def forget(self, namespace: str, kind: str = "", name: str = "") -> None:
        """Something of ours is gone or changed: apply it again next time."""
        with self._lock:
            for key in list(self._applied):
                if key[0] == namespace and kind in ("", key[1]) and name in ("", key[2]):
                    del self._applied[key]
