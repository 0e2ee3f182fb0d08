"""The few calls of the Kubernetes API that the puller needs, without a client library.

The pod's role allows it to read one ConfigMap and the Secret `storage-config`, nothing else.
"""

from __future__ import annotations

import base64
import http.client
import json
import logging
import os
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from model_puller.errors import PullError

_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_WATCH_SECONDS = 240

log = logging.getLogger(__name__)


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
        found = self._get(f"secrets/{quote(name)}")
        if found is None:
            raise PullError(f"no Secret '{name}' in the namespace: no data connection exists")
        data = found.get("data") or {}
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def watch_config_map(self, name: str, seen: Callable[[Mapping[str, str]], None]) -> None:
        """Report the ConfigMap's data now and at each change, for ever."""
        pause = threading.Event()
        delay = 0.2
        while True:
            try:
                version = self._report(name, seen)
                self._follow(name, version, seen)
                delay = 0.2
            except (OSError, http.client.HTTPException, ValueError) as error:
                log.warning("Watching ConfigMap %s ended: %s", name, error)
                pause.wait(delay)
                delay = min(delay * 2, 10.0)

    def _report(self, name: str, seen: Callable[[Mapping[str, str]], None]) -> str:
        query = f"configmaps?fieldSelector=metadata.name%3D{quote(name)}"
        listed = self._get(query) or {}
        for item in listed.get("items", []):
            seen(item.get("data") or {})
        return str(listed.get("metadata", {}).get("resourceVersion", ""))

    def _follow(self, name: str, version: str, seen: Callable[[Mapping[str, str]], None]) -> None:
        path = (
            f"configmaps?watch=1&fieldSelector=metadata.name%3D{quote(name)}"
            f"&resourceVersion={quote(version)}&timeoutSeconds={_WATCH_SECONDS}"
        )
        connection = self._connect(timeout=_WATCH_SECONDS + 10)
        try:
            response = self._request(connection, path)
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            while line := response.readline():
                event = json.loads(line)
                if event["type"] in {"ADDED", "MODIFIED"}:
                    seen(event["object"].get("data") or {})
                elif event["type"] == "ERROR":
                    raise ValueError(str(event["object"].get("message")))
        finally:
            connection.close()

    def _get(self, path: str) -> dict[str, Any] | None:
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
