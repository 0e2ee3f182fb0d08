"""Requests to the API server, over one pooled connection that several threads may use."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urlencode

import urllib3
from kubernetes import client as official
from kubernetes import config as official_config

from lab_ground.kubernetes.errors import ApiError, error_from
from lab_ground.kubernetes.manifest import Manifest

_TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)
# Only what never reached the server is sent again: a write must not happen twice.
_RETRIES = urllib3.Retry(total=None, connect=2, read=0, redirect=0, status=0, other=0)


class Transport:
    """Sends requests with the configuration's address, certificates and credentials."""

    def __init__(self, configuration: official.Configuration | None = None) -> None:
        self._configuration = configuration or load_configuration()
        self._pool = official.ApiClient(self._configuration).rest_client.pool_manager

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Any:
        """Send one request and return the decoded JSON (or the text, for ``accept`` text)."""
        headers = self._headers(accept)
        if body is not None:
            headers["Content-Type"] = content_type
        try:
            response = self._pool.request(
                method,
                self._configuration.host + path + (f"?{urlencode(query)}" if query else ""),
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                timeout=_TIMEOUT,
                retries=_RETRIES,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, "Unreachable", str(error)) from error
        if response.status >= 400:
            raise error_from(response.status, response.data)
        if accept.startswith("text/"):
            return response.data.decode("utf-8", "replace")
        return json.loads(response.data) if response.data else {}

    def watch(
        self, path: str, query: Mapping[str, str], *, seconds: int = 240
    ) -> Iterator[Manifest]:
        """Give the events of a watch until the server ends it; raise ApiError if it is refused."""
        words = {**query, "watch": "true", "timeoutSeconds": str(seconds)}
        try:
            response = self._pool.request(
                "GET",
                f"{self._configuration.host}{path}?{urlencode(words)}",
                headers=self._headers("application/json"),
                timeout=urllib3.Timeout(connect=5.0, read=seconds + 15.0),
                retries=_RETRIES,
                preload_content=False,
            )
            try:
                if response.status >= 400:
                    raise error_from(response.status, response.read())
                yield from _lines(response)
            finally:
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, "Unreachable", str(error)) from error

    def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Accept": accept, "User-Agent": "lab-platform"}
        for setting in self._configuration.auth_settings().values():
            headers[setting["key"]] = setting["value"]
        return headers


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[Manifest]:
    rest = b""
    for part in response.stream(amt=None):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.strip():
                yield cast(Manifest, json.loads(line))


def load_configuration(kubeconfig: str = "") -> official.Configuration:
    """Return the configuration of a kubeconfig, else the pod's own, else the environment's."""
    configuration = official.Configuration()
    if (
        not kubeconfig
        and os.environ.get("KUBERNETES_SERVICE_HOST")
        and not os.environ.get("KUBECONFIG")
    ):
        official_config.load_incluster_config(client_configuration=configuration)
    else:
        # Named, for the package looks at the variable only once, when it is imported.
        official_config.load_kube_config(
            config_file=kubeconfig or os.environ.get("KUBECONFIG"),
            client_configuration=configuration,
        )
    configuration.connection_pool_maxsize = 16
    return configuration
