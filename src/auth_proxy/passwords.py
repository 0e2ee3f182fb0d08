"""Asks the login service for a token, with a learner's user and password.

Only the standard library, as everything beside a workbench.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 10
AWAY = "Sign-in with a password is not available now. Try again in a moment, or use a token."


@dataclass(frozen=True)
class Said:
    """What the login service answered: 200 with a token or a message, or why not."""

    status: int
    message: str = ""
    token: str = ""


# A path of the service and what is sent there.
Ask = Callable[[str, Mapping[str, str]], Said]


class LoginService:
    """The login service, by its address and the authority that signs its certificate."""

    def __init__(self, url: str, authority: Path) -> None:
        self._host = urlsplit(url).netloc
        self._authority = authority

    def __call__(self, path: str, content: Mapping[str, str]) -> Said:
        """Post something; what cannot be reached is an answer too."""
        try:
            # Read each time: the authority may be given to the project after this began.
            context = ssl.create_default_context(cafile=str(self._authority))
            connection = http.client.HTTPSConnection(self._host, timeout=_SECONDS, context=context)
            try:
                headers = {"Content-Type": "application/json"}
                connection.request("POST", path, json.dumps(dict(content)), headers)
                response = connection.getresponse()
                found: Any = json.loads(response.read(64 * 1024))
            finally:
                connection.close()
            return Said(response.status, str(found.get("message", "")), str(found.get("token", "")))
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return Said(503, AWAY)
