"""The learners' accounts as the cluster keeps them: hashes in a Secret, service accounts beside."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from lab_ground.kubernetes.manifest import Manifest
from lab_ground.passwords import hash_password

SECRET = "lab-learners"  # noqa: S105 - a name
ACCOUNTS = "lab-learners"
# As long as a session of the doors: a class's day.
TOKEN_SECONDS = 8 * 3600
# How old what was read of the Secret may be: a removed learner has no account any more anyway.
FRESH_SECONDS = 2.0


SESSIONS, ENDED = "lab-login-sessions", "ended"


class Client(Protocol):
    """The part of the Kubernetes client that is used."""

    def get(
        self, api_version: str, kind: str, name: str, namespace: str | None = None
    ) -> Manifest | None:
        """Return an object, or None."""

    def patch(
        self, api_version: str, kind: str, name: str, patch: Mapping[str, Any],
        namespace: str | None = None,
    ) -> Manifest:  # fmt: skip
        """Merge a patch into an object."""

    def token(self, account: str, namespace: str, seconds: int) -> str | None:
        """Return a token of a service account, or None."""


class Accounts:
    """Reads hashes, keeps new ones, and asks for tokens."""

    def __init__(
        self, client: Client, namespace: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._clock = clock
        self._read: tuple[float, dict[str, str]] = (float("-inf"), {})

    def kept(self, user: str) -> str | None:
        """Return the hash of a user's password, None where there is no such user.

        Raises:
            ApiError: the cluster cannot be asked.
        """
        now = self._clock()
        at, entries = self._read
        if now - at > FRESH_SECONDS:
            secret = self._client.get("v1", "Secret", SECRET, self._namespace)
            entries = (secret or {}).get("data") or {}
            self._read = (now, entries)
        return _hash_of(entries.get(user))

    def change(self, user: str, password: str) -> None:
        """Keep a new password of a user.

        Raises:
            ApiError: the cluster refuses.
        """
        changed = datetime.now(UTC).isoformat(timespec="seconds")
        entry = json.dumps({"hash": hash_password(password), "changed": changed})
        data = {"data": {user: base64.b64encode(entry.encode()).decode()}}
        self._client.patch("v1", "Secret", SECRET, data, self._namespace)
        self._read = (float("-inf"), {})

    def token(self, user: str) -> str | None:
        """Return a new token of a user's account; None where it has none.

        Raises:
            ApiError: the cluster refuses.
        """
        return self._client.token(user, ACCOUNTS, TOKEN_SECONDS)


class EndedSignIns:
    """The sign-ins that were ended, as a Secret of the platform keeps them over a restart."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    def read(self) -> dict[str, float]:
        """Return their names and ends.

        Raises:
            ApiError: the cluster cannot be asked.
        """
        secret = self._client.get("v1", "Secret", SESSIONS, self._namespace)
        entry = ((secret or {}).get("data") or {}).get(ENDED, "")
        try:
            content = json.loads(base64.b64decode(entry, validate=True) or b"{}")
            return {str(name): float(until) for name, until in content.items()}
        except (AttributeError, binascii.Error, TypeError, ValueError):
            return {}

    def keep(self, ended: Mapping[str, float]) -> None:
        """Keep all there are.

        Raises:
            ApiError: the cluster refuses.
        """
        text = base64.b64encode(json.dumps(dict(ended)).encode()).decode()
        self._client.patch("v1", "Secret", SESSIONS, {"data": {ENDED: text}}, self._namespace)


def _hash_of(entry: str | None) -> str | None:
    try:
        content = json.loads(base64.b64decode(entry or "", validate=True) or b"{}")
    except (binascii.Error, ValueError):
        return None
    found = content.get("hash") if isinstance(content, dict) else None
    return found if isinstance(found, str) else None
