"""Sessions and one-time links: sealed (encrypted and signed) with the proxy's own secret."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from cryptography.fernet import Fernet, InvalidToken

COOKIE = "__Host-lab-session"
# Of a door that shares its host with others.
BELOW_COOKIE = "__Secure-lab-session"
SESSION_SECONDS = 8 * 3600
LINK_SECONDS = 10 * 60
_SESSION, _LINK = "session", "link"


class SealError(Exception):
    """What was presented was not sealed by us, was changed, or has ended."""


@dataclass(frozen=True)
class Sealed:
    """What a cookie or a link holds."""

    token: str
    expires: float
    nonce: str


class Sealer:
    """Seals and opens with keys derived from a secret; a session is no link and vice versa."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < 16:
            raise ValueError("the session secret is shorter than 16 bytes")
        self._clock = clock
        self._boxes = {purpose: self._box(secret, purpose) for purpose in (_SESSION, _LINK)}

    @staticmethod
    def _box(secret: bytes, purpose: str) -> Fernet:
        key = hashlib.blake2b(secret, digest_size=32, person=purpose.encode()).digest()
        return Fernet(base64.urlsafe_b64encode(key))

    def _seal(self, purpose: str, token: str, seconds: float) -> str:
        content = {
            "token": token,
            "expires": self._clock() + seconds,
            "nonce": secrets.token_urlsafe(12),
        }
        sealed = self._boxes[purpose].encrypt(json.dumps(content).encode())
        # Without the padding no cookie needs quotes and no link an escape.
        return sealed.decode().rstrip("=")

    def _open(self, purpose: str, sealed: str) -> Sealed:
        try:
            padded = sealed + "=" * (-len(sealed) % 4)
            content = json.loads(self._boxes[purpose].decrypt(padded.encode()))
        except (InvalidToken, ValueError) as error:
            raise SealError("not sealed here") from error
        if content["expires"] <= self._clock():
            raise SealError("ended")
        return Sealed(content["token"], content["expires"], content["nonce"])

    def seal_session(self, token: str, seconds: float = SESSION_SECONDS) -> str:
        """Return a cookie's value that holds this token until it ends."""
        return self._seal(_SESSION, token, seconds)

    def open_session(self, value: str) -> Sealed:
        """Return what a cookie holds; raise SealError if it is not ours or has ended."""
        return self._open(_SESSION, value)

    def seal_link(self, token: str, seconds: float = LINK_SECONDS) -> str:
        """Return a one-time ticket for this token."""
        return self._seal(_LINK, token, seconds)

    def open_link(self, value: str) -> Sealed:
        """Return what a ticket holds; raise SealError if it is not ours or has ended."""
        return self._open(_LINK, value)


def create_login_link(
    url: str,
    cookie_secret: bytes,
    token: str,
    seconds: float = LINK_SECONDS,
    *,
    target: str = "/",
) -> str:
    """Return a link that logs a browser in once, within ``seconds``, with this token.

    ``url`` is the door's (``https://…``, with its path where it shares the host),
    ``cookie_secret`` what the proxy's session Secret holds under ``cookie_secret``, ``target`` the
    path to show then. The token is encrypted in the link.
    """
    fields = {"ticket": Sealer(cookie_secret).seal_link(token, seconds), "rd": target}
    return f"{url.rstrip('/')}/oauth/login?{urlencode(fields)}"
