"""Which doors the login sends browsers to: hosts right below the base domain."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DOOR_PATH = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")
_STATE = re.compile(r"[A-Za-z0-9_-]{16,8192}")


def challenge_of(verifier: str) -> str:
    """Return the hash by which a verifier is known again (RFC 7636, S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


@dataclass(frozen=True)
class Wish:
    """What a door asks for by way of a browser."""

    host: str
    state: str
    challenge: str


@dataclass(frozen=True)
class Hosts:
    """The login's own address, and the base domain of the doors."""

    own: str
    base_domain: str

    @property
    def forms_lead_to(self) -> str:
        """The origins of doors, as a Content-Security-Policy names them."""
        port = urlsplit(self.own).port
        return f"https://*.{self.base_domain}" + (f":{port}" if port else "")

    def is_door(self, door: str) -> bool:
        """Say whether a door is right below the base domain and at our own port.

        It is a host, with its port, and its path where it shares the host with others.
        """
        host, slash, path = door.partition("/")
        if slash and not (_DOOR_PATH.fullmatch(path) and ".." not in path):
            return False
        name, _, port = host.partition(":")
        label = name.removesuffix(f".{self.base_domain}")
        if label == name or not _LABEL.fullmatch(label):
            return False
        # Some clients name HTTPS' own port, which browsers leave out.
        return (port or "443") == str(urlsplit(self.own).port or 443)

    def wish(self, fields: dict[str, str]) -> Wish | None:
        """Return what a door asks for; None where it is nothing that a door of ours would."""
        wish = Wish(*(fields.get(key, "") for key in ("host", "state", "challenge")))
        fits = _STATE.fullmatch(wish.state) and _CHALLENGE.fullmatch(wish.challenge)
        return wish if fits and self.is_door(wish.host) else None
