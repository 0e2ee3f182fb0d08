"""The model server's repository API on the pod's loopback."""

from __future__ import annotations

import http.client
import json

from model_puller.errors import PullError


class ServerAwayError(Exception):
    """The model server does not answer, as while it starts."""


class ServerClient:
    """Asks the server beside us to load and unload models by the V2 repository calls."""

    def __init__(self, port: int, *, timeout: float = 90.0) -> None:
        self._port = port
        self._timeout = timeout

    def instance(self) -> str:
        """The server's identity; another one means that it restarted and holds no model."""
        status, body = self._call("GET", "/instance", timeout=2.0)
        if status != 200:
            raise ServerAwayError(f"status {status}")
        return str(json.loads(body)["instance"])

    def load(self, name: str) -> None:
        """Load the model, or replace it with what its folder now holds."""
        status, body = self._call("POST", f"/v2/repository/models/{name}/load")
        if status != 200:
            raise PullError(_error(body), retry=status == 507)

    def unload(self, name: str) -> None:
        """Take the model out of service; one that is not there is no error."""
        status, body = self._call("POST", f"/v2/repository/models/{name}/unload")
        if status not in {200, 404}:
            raise PullError(_error(body))

    def _call(self, method: str, path: str, timeout: float | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._port, timeout=timeout or self._timeout
        )
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ServerAwayError(str(error)) from error
        finally:
            connection.close()


def _error(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the model server failed: {body[:200].decode('utf-8', 'replace')}"
