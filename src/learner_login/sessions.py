"""Who is signed in: sealed into what browsers and doors keep, so that a restart ends nothing.

Three things are sealed, each for its own purpose: the sign-in, which the browser keeps for the
login's own host; a session, which one door keeps; both name the same sign-in, by which all end at
once. Codes are kept here, in memory: they are good for a minute.
"""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab_ground.sealing import Box, SealError

# A door knows by it that this is no token of the cluster.
SESSION_PREFIX = "lab-session."
CODE_SECONDS = 60.0
# Codes that are kept at once; each takes about a kilobyte.
MOST_CODES = 5_000


class GoneError(Exception):
    """What was presented is none of ours, has ended, or was used already."""


@dataclass(frozen=True)
class SignedIn:
    """A sign-in: whose it is, the token that it stands for, its name, and its end (Unix seconds).

    ``account`` says that it is a learner's own, by user and password.
    """

    user: str
    token: str
    name: str
    expires: float
    account: bool = False


@dataclass(frozen=True)
class Session:
    """What one door has of a sign-in."""

    signed_in: SignedIn
    host: str
    namespace: str


@dataclass(frozen=True)
class _Code:
    signed_in: SignedIn
    host: str
    challenge: str
    until: float


# What keeps the sign-ins that were ended: gets all of them, by name and end.
Keep = Callable[[Mapping[str, float]], None]


class Sessions:
    """Seals and opens; remembers what was ended, and hands it to ``keep``."""

    def __init__(
        self,
        secret: bytes,
        ended: Mapping[str, float] | None = None,
        keep: Keep = lambda _: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clock = clock
        self._sign_ins = Box(secret, "sign-in", clock)
        self._doors = Box(secret, "door", clock)
        self._lock = threading.Lock()
        self._keeping = threading.Lock()
        self._ended = dict(ended or {})
        self._keep = keep
        self._codes: dict[str, _Code] = {}

    def begin(self, user: str, token: str, seconds: float, *, account: bool) -> tuple[str, float]:
        """Return a sign-in, sealed for the browser, and for how many seconds it is good."""
        name = secrets.token_urlsafe(12)
        content = {"user": user, "token": token, "name": name, "account": account}
        return self._sign_ins.seal(content, seconds), seconds

    def signed_in(self, sealed: str) -> SignedIn:
        """Return the sign-in that a browser presents.

        Raises:
            GoneError: there is none, or it has ended.
        """
        return self._alive(_signed_in(self._open(self._sign_ins, sealed)))

    def _open(self, box: Box, sealed: str) -> dict[str, Any]:
        try:
            return box.open(sealed)
        except SealError as error:
            raise GoneError from error

    def _alive(self, signed_in: SignedIn) -> SignedIn:
        with self._lock:
            if signed_in.name in self._ended:
                raise GoneError
        return signed_in

    def code(self, signed_in: SignedIn, host: str, challenge: str) -> str:
        """Return a code that a door exchanges for a session, once and within a minute."""
        code = secrets.token_urlsafe(24)
        now = self._clock()
        with self._lock:
            self._codes = {key: kept for key, kept in self._codes.items() if kept.until > now}
            while len(self._codes) >= MOST_CODES:
                del self._codes[next(iter(self._codes))]
            self._codes[code] = _Code(signed_in, host, challenge, now + CODE_SECONDS)
        return code

    def enter(self, code: str, challenge: str, host: str, namespace: str) -> tuple[str, float]:
        """Return a door's session for a code, and for how many seconds it is good.

        ``challenge`` is the hash of the word that the door says; ``namespace`` the only one that
        the session is good for. Whatever is wrong, the code is worth nothing after it.

        Raises:
            GoneError: it is no code for this door.
        """
        with self._lock:
            kept = self._codes.pop(code, None)
        if kept is None or kept.until <= self._clock() or kept.host != host:
            raise GoneError
        if not hmac.compare_digest(kept.challenge.encode(), challenge.encode()):
            raise GoneError
        signed_in = self._alive(kept.signed_in)
        seconds = signed_in.expires - self._clock()
        if seconds <= 0:
            raise GoneError
        content = {
            "user": signed_in.user,
            "token": signed_in.token,
            "name": signed_in.name,
            "account": signed_in.account,
            "host": host,
            "namespace": namespace,
        }
        return SESSION_PREFIX + self._doors.seal(content, seconds), seconds

    def session(self, sealed: str) -> Session:
        """Return the session that a door presents.

        Raises:
            GoneError: it is none, or the sign-in has ended.
        """
        if not sealed.startswith(SESSION_PREFIX):
            raise GoneError
        content = self._open(self._doors, sealed.removeprefix(SESSION_PREFIX))
        signed_in = self._alive(_signed_in(content))
        return Session(signed_in, str(content["host"]), str(content["namespace"]))

    def end(self, signed_in: SignedIn) -> None:
        """End a sign-in, and with it the sessions of all doors."""
        now = self._clock()
        with self._lock:
            self._ended = {name: until for name, until in self._ended.items() if until > now}
            self._ended[signed_in.name] = signed_in.expires
        # One after the other, each with all there are: none that is kept later lacks one.
        with self._keeping:
            with self._lock:
                ended = dict(self._ended)
            self._keep(ended)


def _signed_in(content: Mapping[str, Any]) -> SignedIn:
    return SignedIn(
        str(content["user"]),
        str(content["token"]),
        str(content["name"]),
        float(content["expires"]),
        bool(content.get("account")),
    )
