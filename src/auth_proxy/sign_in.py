"""A door's way to the login and back, as OAuth's code with PKCE goes it.

The browser is sent to the login with the hash of a word that only this door knows, and comes
back with a code that is good once, for this door and for that word: so a code that somebody else
caught, or begged for another door, is worth nothing. What the door gets for it is a session that
tells what its owner may do here; the owner's token stays with the login.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from auth_proxy.headers import Headers, host_of, read_named_cookie, set_cookie
from auth_proxy.login_service import LoginService, Post
from auth_proxy.pages import safe_target
from lab_ground.sealing import Box, SealError

# Binds the way to one browser; it is one for all pages that are opened at the same time.
WAY = "__Host-lab-way"
WAY_SECONDS = 15 * 60
CALLBACK = "/oauth/callback"
_BROWSER = re.compile(r"[A-Za-z0-9_-]{22}")
_LONGEST_TARGET = 2048
LOST = "This sign-in was begun in another browser, or too long ago, or was ended already."


class LostError(Exception):
    """The way back leads nowhere; the message says so to a browser."""

    def __init__(self, target: str = "/", message: str = LOST) -> None:
        super().__init__(message)
        self.target = target


@dataclass(frozen=True)
class Entered:
    """A session that a door was given, for how many seconds, and the path to go to."""

    session: str
    seconds: float
    target: str


def challenge_of(verifier: str) -> str:
    """Return the hash by which the login knows a verifier again (RFC 7636, S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class SignIn:
    """Sends browsers to the login, and takes what they come back with.

    ``page`` is the login's address for browsers, ``post`` asks its service, ``namespace`` is the
    project that this door's reviews are about, ``prefix`` its path on a host that it shares.
    """

    def __init__(
        self,
        page: str,
        post: Post | LoginService,
        secret: bytes,
        namespace: str,
        prefix: str = "",
    ) -> None:
        self.page = page.rstrip("/")
        self._post = post
        self._secret = secret
        self._box = Box(secret, "way")
        self._namespace = namespace
        self._prefix = prefix

    def _verifier(self, state: str) -> str:
        return hmac.new(self._secret, b"verifier " + state.encode(), hashlib.sha256).hexdigest()

    def begin(self, headers: Headers, target: str | None) -> tuple[str, str]:
        """Return where to send a browser that wants to see ``target``, and the cookie to set."""
        browser = read_named_cookie(headers, WAY) or ""
        if not _BROWSER.fullmatch(browser):
            browser = secrets.token_urlsafe(16)
        way = safe_target(target)
        if len(way) > _LONGEST_TARGET:
            way = "/"
        known = hashlib.sha256(browser.encode()).hexdigest()
        state = self._box.seal({"target": way, "browser": known}, WAY_SECONDS)
        told = {
            "host": host_of(headers) + self._prefix,
            "state": state,
            "challenge": challenge_of(self._verifier(state)),
        }
        location = f"{self.page}/authorize?{urlencode(told)}"
        return location, set_cookie(WAY, browser, WAY_SECONDS)

    def finish(self, headers: Headers, fields: Mapping[str, str]) -> Entered:
        """Exchange what a browser brings back; blocks while the login service is asked.

        Raises:
            LostError: it is not this browser's way, or its code is good for nothing.
            ReviewError: the login service does not answer.
        """
        state, code = fields.get("state", ""), fields.get("code", "")
        try:
            begun = self._box.open(state)
        except SealError:
            raise LostError from None
        browser = read_named_cookie(headers, WAY) or ""
        known = hashlib.sha256(browser.encode()).hexdigest()
        if not hmac.compare_digest(known, begun["browser"]):
            raise LostError(begun["target"])
        status, answer = self._post("/door/enter", {
            "code": code,
            "verifier": self._verifier(state),
            "host": host_of(headers) + self._prefix,
            "namespace": self._namespace,
        })  # fmt: skip
        if status != 200:
            raise LostError(begun["target"])
        return Entered(str(answer["session"]), float(answer["seconds"]), begun["target"])

    def leave(self, session: str) -> None:
        """End the sign-in that a session came from, at every door.

        Raises:
            ReviewError: the login service does not answer.
        """
        self._post("/door/leave", {"session": session})
