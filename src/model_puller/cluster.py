"""The few calls of the Kubernetes API that the puller needs, without a client library.

The pod's role allows it to read one ConfigMap and the Secret `storage-config`, nothing else.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lab_ground.connections import secret_texts
from lab_ground.kubernetes.errors import ApiError, error_from
from lab_ground.kubernetes.following import Follower
from lab_ground.kubernetes.manifest import Manifest
from model_puller.errors import PullError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_WATCH_SECONDS = 240


class Cluster:
    """One namespace of the cluster, seen with the pod's own service account."""

    def __init__(self, namespace: str, account: Path = _ACCOUNT) -> None:
        self._namespace = namespace
        self._account = account
        self._context = ssl.create_default_context(cafile=str(account / "ca.crt"))
        self._host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
        self._port = int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))

    def secret(self, name: str) -> dict[str, str]:
        """A Secret's decoded data; PullError if it is absent."""
        found = self.get(f"secrets/{quote(name)}")
        if found is None:
            raise PullError(f"no Secret '{name}' in the namespace: no data connection exists")
        return secret_texts(found)

    def watch_config_map(self, name: str, seen: Callable[[Mapping[str, str]], None]) -> None:
        """Report the ConfigMap's data now and at each change, for ever."""

        def report(manifest: Manifest) -> None:
            seen(manifest.get("data") or {})

        def listed(manifests: list[Manifest]) -> None:
            for manifest in manifests:
                report(manifest)

        def changed(manifest: Manifest, gone: bool) -> None:
            if not gone:
                report(manifest)

        Follower(
            f"ConfigMap {name}", ConfigMapSource(self, name), listed=listed, changed=changed
        ).run()

    def events(self, path: str) -> Iterator[Manifest]:
        """Give the events of a watch, until the server ends it."""
        connection = self._connect(timeout=_WATCH_SECONDS + 10)
        try:
            response = self._request(connection, f"{path}&timeoutSeconds={_WATCH_SECONDS}")
            if response.status != 200:
                raise error_from(response.status, response.read())
            while line := response.readline():
                yield json.loads(line)
        finally:
            connection.close()

    def get(self, path: str) -> Manifest | None:
        """Return what is at a path of the namespace, None where there is nothing."""
        connection = self._connect(timeout=10)
        try:
            response = self._request(connection, path)
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise PullError(f"the Kubernetes API cannot be reached: {error}") from error
        finally:
            connection.close()
        if response.status == 404:
            return None
        if response.status != 200:
            raise PullError(f"the Kubernetes API answered {response.status} for {path}")
        found = json.loads(body)
        return found if isinstance(found, dict) else None

    def _connect(self, timeout: float) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(
            self._host, self._port, context=self._context, timeout=timeout
        )

    def _request(
        self, connection: http.client.HTTPSConnection, path: str
    ) -> http.client.HTTPResponse:
        # Read each time: the kubelet renews the token while we run.
        token = (self._account / "token").read_text(encoding="utf-8").strip()
        connection.request(
            "GET",
            f"/api/v1/namespaces/{quote(self._namespace)}/{path}",
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        )
        return connection.getresponse()


@dataclass(frozen=True)
class ConfigMapSource:
    """One ConfigMap, to follow."""

    cluster: Cluster
    name: str

    @property
    def _path(self) -> str:
        return f"configmaps?fieldSelector=metadata.name%3D{quote(self.name)}"

    def list_all(self) -> tuple[list[Manifest], str]:
        """Return it, if it is there, and the version to watch from."""
        try:
            listed = self.cluster.get(self._path) or {}
        except PullError as error:
            raise ApiError(0, "Unreachable", error.message) from error
        return listed.get("items", []), str(listed.get("metadata", {}).get("resourceVersion", ""))

    def watch_from(self, version: str) -> Iterator[Manifest]:
        """Give its events since a version."""
        query = f"{self._path}&watch=1&allowWatchBookmarks=true&resourceVersion={quote(version)}"
        return self.cluster.events(query)
