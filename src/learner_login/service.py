"""What callers see: a token for a user and a password, and a new password for the old one."""

from __future__ import annotations

import json
import logging
import math
import re
import threading
from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter

from lab_ground.kubernetes.errors import ApiError
from lab_ground.passwords import PasswordError, check_password, hash_password, is_password
from learner_login.accounts import TOKEN_SECONDS, Accounts
from learner_login.tries import Tries

logger = logging.getLogger(__name__)

Answer = tuple[int, dict[str, Any]]
# What a user's name may be; anything else is not repeated, since it may be a password.
USER = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
ADDRESS = re.compile(r"[0-9a-fA-F:.]{2,45}")
WRONG = "This user and this password do not belong together."
# Passwords that are looked at side by side: each takes 7 MiB and a core for a moment.
AT_ONCE = 2

TRIES = Counter("lab_login_tries", "Sign-ins with a password, by what came of them", ["outcome"])


class Service:
    """The login service, without its HTTP."""

    def __init__(self, accounts: Accounts, tries: Tries | None = None) -> None:
        self._accounts = accounts
        self._tries = tries or Tries()
        self._looking = threading.BoundedSemaphore(AT_ONCE)
        # An unknown user takes as long as a known one.
        self._nobody = hash_password("nobody has this password")

    def answer(self, path: str, content: Any) -> Answer:
        """Answer one POST; ``content`` is its JSON."""
        verb = {"/login": self._login, "/password": self._change}.get(path)
        if verb is None:
            return 404, {"message": "there is nothing here"}
        if not isinstance(content, dict) or not all(
            isinstance(content.get(key), str) for key in ("user", "password")
        ):
            return 400, {"message": "user and password are needed"}
        try:
            return verb(content)
        except ApiError as error:
            logger.warning("the cluster does not answer: %s %s", error.status, error.reason)
            TRIES.labels("unavailable").inc()
            return 503, {"message": "The cluster did not answer. Try again in a moment."}

    def _check(self, content: Mapping[str, str]) -> Answer | None:
        """Say why a user is not let in; None where the password is right."""
        user, address = content["user"], address_of(content)
        if seconds := self._tries.wait(user, address):
            TRIES.labels("slowed").inc()
            logger.info("%s from %s has to wait %.0f s", told(user), address, seconds)
            wait = math.ceil(seconds)
            message = f"Too many tries. Wait {wait} seconds, then try again."
            return 429, {"message": message, "seconds": wait}
        kept = self._accounts.kept(user) if USER.fullmatch(user) else None
        with self._looking:
            right = is_password(content["password"], kept or self._nobody)
        if right and kept:
            self._tries.succeeded(user)
            return None
        self._tries.failed(user, address)
        TRIES.labels("wrong").inc()
        logger.info("%s from %s gave a wrong password", told(user), address)
        return 401, {"message": WRONG}

    def _login(self, content: Mapping[str, str]) -> Answer:
        if refused := self._check(content):
            return refused
        user = content["user"]
        token = self._accounts.token(user)
        if token is None:
            TRIES.labels("gone").inc()
            return 401, {"message": "This account is not there any more; ask your instructor."}
        TRIES.labels("right").inc()
        logger.info("%s signed in from %s", user, address_of(content))
        return 200, {"token": token, "expires": TOKEN_SECONDS}

    def token(self, user: str) -> str | None:
        """Return a new token of a learner's account; None where it has none.

        Raises:
            ApiError: the cluster refuses.
        """
        return self._accounts.token(user)

    def _change(self, content: Mapping[str, str]) -> Answer:
        wanted = content.get("new")
        if not isinstance(wanted, str):
            return 400, {"message": "a new password is needed"}
        if refused := self._check(content):
            return refused
        try:
            check_password(wanted, content["user"])
        except PasswordError as error:
            return 400, {"message": str(error)}
        self._accounts.change(content["user"], wanted)
        logger.info("%s changed the password", content["user"])
        return 200, {"message": "The password is changed."}


def told(user: str) -> str:
    """Return a user's name for the log; what is no name may be a password in the wrong field."""
    return user if USER.fullmatch(user) else "somebody without a user's name"


def address_of(content: Mapping[str, Any]) -> str:
    """Return the address that a door says it serves."""
    address = str(content.get("address") or "")
    return address if ADDRESS.fullmatch(address) else "an unknown address"


def read_json(body: bytes) -> Any:
    """Return a request's JSON, None where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None
