"""Follow the objects of a kind in all namespaces, without kopf."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.following import Follower
from lab_ground.kubernetes.manifest import Manifest

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
        self._kind = (api_version, kind)
        self._changed = changed
        self._query = {"labelSelector": label_selector} if label_selector else {}
        self._known: set[Key] = set()
        self._follower = Follower(kind, self, listed=self._listed, changed=self._news)
        self.synced = threading.Event()

    def start(self) -> None:
        """Begin, in the background."""
        self._follower.start()

    def stop(self) -> None:
        """Follow no more."""
        self._follower.stop()

    def list_all(self) -> tuple[list[Manifest], str]:
        """Return the present objects, and the version to watch from."""
        answer = self._client.request("GET", self._client.path(*self._kind), query=self._query)
        return answer.get("items", []), str(answer["metadata"]["resourceVersion"])

    def watch_from(self, version: str) -> Iterator[Manifest]:
        """Give the events since a version."""
        query = {**self._query, "resourceVersion": version, "allowWatchBookmarks": "true"}
        return self._client.watch(self._client.path(*self._kind), query)

    def _listed(self, objects: list[Manifest]) -> None:
        present = {_key(item): item for item in objects}
        for gone in self._known - set(present):
            self._changed(gone, None)
        for key, item in present.items():
            self._changed(key, item)
        self._known = set(present)
        self.synced.set()

    def _news(self, thing: Manifest, gone: bool) -> None:
        key = _key(thing)
        if gone:
            self._known.discard(key)
        else:
            self._known.add(key)
        self._changed(key, None if gone else thing)


def _key(manifest: Mapping[str, Any]) -> Key:
    return manifest["metadata"].get("namespace") or "", manifest["metadata"]["name"]
