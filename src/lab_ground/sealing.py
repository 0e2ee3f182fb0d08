"""Sealing: what a browser keeps for us, encrypted and signed, and good for a while only."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

SHORTEST_SECRET = 16


class SealError(Exception):
    """What was presented was not sealed by us, was changed, or has ended."""


class Box:
    """Seals for one purpose with a key derived from a secret: what is for one opens no other.

    ``purpose`` has at most 16 letters (the personalisation of BLAKE2b).
    """

    def __init__(self, secret: bytes, purpose: str, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < SHORTEST_SECRET:
            raise ValueError("the session secret is shorter than 16 bytes")
        key = hashlib.blake2b(secret, digest_size=32, person=purpose.encode()).digest()
        self._box = Fernet(base64.urlsafe_b64encode(key))
        self._clock = clock

    def seal(self, content: Mapping[str, Any], seconds: float) -> str:
        """Return the content as text that needs neither quotes in a cookie nor escapes in a link.

        It gets an end, ``expires``, and a name of its own, ``nonce``.
        """
        whole = {
            **content,
            "expires": self._clock() + seconds,
            "nonce": secrets.token_urlsafe(12),
        }
        return self._box.encrypt(json.dumps(whole).encode()).decode().rstrip("=")

    def open(self, sealed: str) -> dict[str, Any]:
        """Return what was sealed, with ``expires`` and ``nonce``.

        Raises:
            SealError: it is not ours, was changed, or has ended.
        """
        try:
            padded = sealed + "=" * (-len(sealed) % 4)
            content: dict[str, Any] = json.loads(self._box.decrypt(padded.encode()))
        except (InvalidToken, ValueError) as error:
            raise SealError("not sealed here") from error
        if content["expires"] <= self._clock():
            raise SealError("ended")
        return content
