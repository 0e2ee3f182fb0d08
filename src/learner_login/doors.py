"""What the doors ask, over the cluster's own network: a session for a code, and what one may do.

A door in a seat is in the hands of that seat's admin, so none is ever told the token of who comes
in: it asks here, and what it may ask is bound to its own project. Only the platform's own doors, by
their hosts, get the token itself: the dashboard acts with it.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from threading import Lock
from typing import Any, Protocol

from learner_login.hosts import challenge_of
from learner_login.sessions import GoneError, Sessions, SignedIn

logger = logging.getLogger(__name__)

Answer = tuple[int, dict[str, Any]]
GONE: Answer = (401, {"message": "the session has ended, or is none"})
ATTRIBUTES = ("verb", "group", "version", "resource", "subresource", "name", "namespace")
# How long an answer of the API server is believed; doors believe ours a few seconds more.
BELIEVED_SECONDS = 15.0
MOST_ANSWERS = 4096


class Cluster(Protocol):
    """Asks the API server as the owner of a token."""

    def user_of(self, token: str) -> str | None:
        """Return who this is; None where the token is not valid."""

    def allowed(self, token: str, attributes: Mapping[str, str]) -> bool | None:
        """Say whether its owner may do something; None where the token is not valid."""


class Doors:
    """Answers doors; ``trusted`` are the hosts whose doors may have the token itself."""

    def __init__(
        self,
        sessions: Sessions,
        cluster: Cluster,
        trusted: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._cluster = cluster
        self._trusted = frozenset(trusted)
        self._clock = clock
        self._lock = Lock()
        self._answers: OrderedDict[tuple[str, ...], tuple[float, bool | None]] = OrderedDict()

    def answer(self, path: str, content: Mapping[str, Any]) -> Answer:
        """Answer one POST of a door's.

        Raises:
            ApiError: the cluster cannot be asked.
        """
        verb = {
            "/door/enter": self._enter,
            "/door/review": self._review,
            "/door/leave": self._leave,
        }.get(path)
        if verb is None:
            return 404, {"message": "there is nothing here"}
        try:
            return verb(content)
        except GoneError:
            return GONE

    def _enter(self, content: Mapping[str, Any]) -> Answer:
        said = {key: str(content.get(key) or "") for key in ("code", "verifier", "host")}
        namespace = str(content.get("namespace") or "")
        if said["host"] not in self._trusted and not belongs(said["host"], namespace):
            raise GoneError
        session, seconds = self._sessions.enter(
            said["code"], challenge_of(said["verifier"]), said["host"], namespace
        )
        return 200, {"session": session, "seconds": seconds}

    def _review(self, content: Mapping[str, Any]) -> Answer:
        session = self._sessions.session(str(content.get("session") or ""))
        stated = content.get("review")
        if not isinstance(stated, Mapping):
            return 400, {"message": "a review is needed"}
        attributes = {key: str(stated[key]) for key in ATTRIBUTES if stated.get(key)}
        user = session.signed_in.user
        if not attributes.get("namespace") or attributes["namespace"] != session.namespace:
            return 403, {"user": user, "message": "this door may not ask about another project"}
        allowed = self._allowed(session.signed_in, attributes)
        if allowed is None:
            return GONE
        if not allowed:
            what = " ".join(attributes.get(key, "") for key in ("verb", "resource", "name"))
            where = attributes["namespace"]
            return 403, {"user": user, "message": f"{user} may not {what.strip()} in {where}"}
        told = {"user": user}
        if session.host in self._trusted:
            told["token"] = session.signed_in.token
        return 200, told

    def _allowed(self, signed_in: SignedIn, attributes: Mapping[str, str]) -> bool | None:
        key = (signed_in.name, *(f"{name}={attributes[name]}" for name in sorted(attributes)))
        now = self._clock()
        with self._lock:
            known = self._answers.get(key)
        if known is not None and known[0] > now:
            return known[1]
        allowed = self._cluster.allowed(signed_in.token, attributes)
        with self._lock:
            self._answers[key] = (now + BELIEVED_SECONDS, allowed)
            self._answers.move_to_end(key)
            while len(self._answers) > MOST_ANSWERS:
                self._answers.popitem(last=False)
        return allowed

    def _leave(self, content: Mapping[str, Any]) -> Answer:
        session = self._sessions.session(str(content.get("session") or ""))
        self._sessions.end(session.signed_in)
        logger.info("%s signed out", session.signed_in.user)
        return 200, {"message": "signed out"}


def belongs(host: str, namespace: str) -> bool:
    """Say whether a door's host is of a project: a Route's own host ends in its namespace.

    No Route of another namespace gets such a host, so that no door asks about a project that it is
    not in.
    """
    label = host.partition(".")[0]
    _, shared, path = host.partition("/")
    if shared:
        # A door below a path, as on a gateway's host: its path names the project.
        return bool(namespace) and namespace in path.split("/")
    return bool(namespace) and (label == namespace or label.endswith(f"-{namespace}"))
