"""Asks the login service: for a session after a sign-in there, and what its owner may do.

Only the standard library, as everything beside a workbench.
"""

from __future__ import annotations

import http.client
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from auth_proxy.reviews import ReviewError, Verdict

# What a session of the login begins with; no token of a cluster looks like it.
SESSION_PREFIX = "lab-session."
_SECONDS = 10
_LARGEST_ANSWER = 64 * 1024

# A path of the service and what is sent there; returns status and answer.
Post = Callable[[str, Mapping[str, Any]], tuple[int, dict[str, Any]]]


def is_session(token: str) -> bool:
    """Whether this is a session of the login service, rather than a token of the cluster."""
    return token.startswith(SESSION_PREFIX)


class LoginService:
    """The login service, by its address and the authority that signs its certificate."""

    def __init__(self, url: str, authority: Path) -> None:
        self._host = urlsplit(url).netloc
        self._authority = authority
        self._local = threading.local()

    def _connect(self) -> http.client.HTTPSConnection:
        """Return this thread's connection; the authority may come, or change, after this began."""
        made = self._authority.stat().st_mtime_ns
        kept: tuple[int, http.client.HTTPSConnection] | None = getattr(self._local, "kept", None)
        if kept is not None and kept[0] == made:
            return kept[1]
        context = ssl.create_default_context(cafile=str(self._authority))
        connection = http.client.HTTPSConnection(self._host, timeout=_SECONDS, context=context)
        self._local.kept = (made, connection)
        return connection

    def __call__(self, path: str, content: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """Post something and return status and answer.

        Raises:
            ReviewError: the service does not answer.
        """
        body, headers = json.dumps(dict(content)), {"Content-Type": "application/json"}
        for attempt in (1, 2):
            connection = None
            try:
                connection = self._connect()
                connection.request("POST", path, body, headers)
                response = connection.getresponse()
                found: Any = json.loads(response.read(_LARGEST_ANSWER))
            except (OSError, http.client.HTTPException, ValueError) as error:
                # A kept connection may have ended meanwhile: once more, over a new one.
                self._local.kept = None
                if connection is not None:
                    connection.close()
                if attempt == 2 or isinstance(error, FileNotFoundError):
                    raise ReviewError(f"the login service does not answer: {error}") from error
                continue
            if not isinstance(found, dict):
                raise ReviewError("the login service answers with something else")
            return response.status, found
        raise ReviewError("the login service does not answer")


def check_session(post: Post, session: str, review: Mapping[str, str]) -> Verdict:
    """Ask the login service whether a session's owner may do what ``review`` says.

    Raises:
        ReviewError: it cannot be asked.
    """
    status, answer = post("/door/review", {"session": session, "review": dict(review)})
    if status not in (200, 401, 403):
        raise ReviewError(f"the login service answered {status}: {answer.get('message', '')}")
    told = {key: str(answer.get(key) or "") for key in ("user", "message", "token")}
    return Verdict(status, told["user"], told["message"], told["token"])
