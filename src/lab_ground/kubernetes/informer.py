"""Follow the objects of a kind from a thread of one's own, without kopf."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError
from lab_ground.kubernetes.manifest import Manifest

logger = logging.getLogger(__name__)

Key = tuple[str, str]
Changed = Callable[[Key, Manifest | None], None]


class Informer:
    """Lists, then watches; ``changed(key, object)`` is called for each news, None for gone."""

    def __init__(
        self,
        client: KubernetesClient,
        api_version: str,
        kind: str,
        changed: Changed,
        *,
        label_selector: str = "",
    ) -> None:
        self._client = client
        self._api_version = api_version
        self._kind = kind
        self._changed = changed
        self._query = {"labelSelector": label_selector} if label_selector else {}
        self._known: set[Key] = set()
        self._stopped = threading.Event()
        self.synced = threading.Event()

    @staticmethod
    def _key(manifest: Mapping[str, Any]) -> Key:
        return manifest["metadata"].get("namespace") or "", manifest["metadata"]["name"]

    def start(self) -> None:
        """Begin, in the background."""
        threading.Thread(target=self._run, name=f"follow-{self._kind}", daemon=True).start()

    def stop(self) -> None:
        """Follow no more."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                version = self._list()
                while not self._stopped.is_set():
                    version = self._watch(version)
            except ApiError as error:
                level = logging.INFO if error.status == 410 else logging.WARNING
                logger.log(level, "%s: %s; listing again", self._kind, error)
            except Exception:
                logger.exception("following %s failed; listing again", self._kind)
            time.sleep(1)

    def _list(self) -> str:
        path = self._client.path(self._api_version, self._kind)
        answer = self._client.request("GET", path, query=self._query)
        present = {self._key(item): item for item in answer.get("items", [])}
        for gone in self._known - set(present):
            self._changed(gone, None)
        for key, item in present.items():
            self._changed(key, item)
        self._known = set(present)
        self.synced.set()
        return str(answer["metadata"]["resourceVersion"])

    def _watch(self, version: str) -> str:
        path = self._client.path(self._api_version, self._kind)
        query = {**self._query, "resourceVersion": version, "allowWatchBookmarks": "true"}
        for event in self._client.watch(path, query):
            manifest = event["object"]
            if event["type"] == "ERROR":
                raise ApiError(int(manifest.get("code") or 0), "Watch", str(manifest))
            version = str(manifest["metadata"]["resourceVersion"])
            if event["type"] == "BOOKMARK":
                continue
            key = self._key(manifest)
            if event["type"] == "DELETED":
                self._known.discard(key)
                self._changed(key, None)
            else:
                self._known.add(key)
                self._changed(key, manifest)
            if self._stopped.is_set():
                break
        return version
