"""The API server, asked as whoever has a token: what they may do, and who they are.

Every account may ask that about itself, so who asks this way needs no rights of its own. Only the
standard library: this runs beside every workbench, server and model.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
IDENTITY = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class ReviewError(Exception):
    """The API server could not be asked."""


class UnknownTokenError(Exception):
    """The API server does not know the token, or not any more."""


Post = Callable[[str, Mapping[str, Any], str], dict[str, Any]]


class Api:
    """Asks the API server as whoever has a token, over one kept connection for each thread."""

    def __init__(self, directory: Path) -> None:
        self._host = os.environ["KUBERNETES_SERVICE_HOST"]
        self._port = int(os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
        self._context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        self._local = threading.local()

    def post(self, path: str, body: Mapping[str, Any], token: str) -> dict[str, Any]:
        """Create a review with a token and return it with its answer.

        Raises:
            UnknownTokenError: the token is not valid.
            ReviewError: the API server does not answer, or with an error.
        """
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for attempt in (1, 2):
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=5, context=self._context
                )
                self._local.connection = connection
            try:
                connection.request("POST", path, json.dumps(body), headers)
                response = connection.getresponse()
                data = response.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._local.connection = None
                if attempt == 2:
                    raise ReviewError(f"the API server does not answer: {error}") from error
                continue
            if response.status == 401:
                raise UnknownTokenError(path)
            if response.status >= 300:
                raise ReviewError(f"the API server refused {path}: {response.status}")
            answer: dict[str, Any] = json.loads(data)
            return answer
        raise ReviewError("the API server does not answer")


def may(post: Post, token: str, attributes: Mapping[str, str]) -> bool:
    """Say whether a token's owner may do something.

    Raises:
        UnknownTokenError: the token is not valid.
        ReviewError: the API server does not answer.
    """
    question = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": dict(attributes)},
    }
    return bool((post(ACCESS, question, token).get("status") or {}).get("allowed"))


def user_of(post: Post, token: str) -> str:
    """Return the name of a token's owner.

    Raises:
        UnknownTokenError: the token is not valid.
        ReviewError: the API server does not answer.
    """
    who = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    answer = post(IDENTITY, who, token).get("status") or {}
    return str((answer.get("userInfo") or {}).get("username", ""))
