"""Sessions and one-time links: sealed (encrypted and signed) with the proxy's own secret."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from lab_ground.sealing import Box, SealError

__all__ = ["COOKIE", "SealError", "Sealed", "Sealer", "create_login_link"]

COOKIE = "__Host-lab-session"
# Of a door that shares its host with others.
BELOW_COOKIE = "__Secure-lab-session"
SESSION_SECONDS = 8 * 3600
LINK_SECONDS = 10 * 60
_SESSION, _LINK = "session", "link"


@dataclass(frozen=True)
class Sealed:
    """What a cookie or a link holds."""

    token: str
    expires: float
    nonce: str


class Sealer:
    """Seals and opens with keys derived from a secret; a session is no link and vice versa."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._boxes = {purpose: Box(secret, purpose, clock) for purpose in (_SESSION, _LINK)}

    def _seal(self, purpose: str, token: str, seconds: float) -> str:
        return self._boxes[purpose].seal({"token": token}, seconds)

    def _open(self, purpose: str, sealed: str) -> Sealed:
        content = self._boxes[purpose].open(sealed)
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
