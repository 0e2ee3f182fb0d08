"""A model server on a cluster, as its callers reach it."""

from __future__ import annotations

import json
import ssl
from typing import Any

import urllib3
from serving_requests import image_request


class Endpoint:
    """One port of a pod (or of the router), called under a name that its certificate has."""

    def __init__(self, address: str, port: int, *, host: str = "", authority: str = "") -> None:
        self._host = host
        if authority:
            context = ssl.create_default_context(cadata=authority)
            self._pool: Any = urllib3.HTTPSConnectionPool(
                address, port, ssl_context=context, server_hostname=host, assert_hostname=host
            )
        else:
            self._pool = urllib3.HTTPConnectionPool(address, port)

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, Any]:
        """One request; an answer in JSON comes decoded."""
        headers = {"Content-Type": "application/json"}
        if self._host:
            headers["Host"] = self._host
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        response = self._pool.request(
            method, path, body=data, headers=headers, timeout=30, retries=False
        )
        try:
            return response.status, json.loads(response.data)
        except ValueError:
            return response.status, response.data

    def infer(self, model: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """One prediction, of a black picture unless told otherwise."""
        return self.call(
            "POST", f"/v2/models/{model}/infer", image_request() if body is None else body, token
        )
