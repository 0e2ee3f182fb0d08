"""A Lease, so that two resets of one seat never run at once.

Whoever keeps it renews it; one whose keeper was killed ends by itself after ``DURATION`` seconds
and the next reset takes it over.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any, TypeGuard

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ConflictError, NotFoundError
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.waiting import moments

NAME = "lab-reset"
LEASE = ("coordination.k8s.io/v1", "Lease")
DURATION = 15
RENEW_EVERY = 4


class LeaseHeldError(Exception):
    """Another reset holds the Lease; the message says who and since when."""


def now() -> datetime.datetime:
    """Return the time."""
    return datetime.datetime.now(datetime.UTC)


def written(moment: datetime.datetime) -> str:
    """Return a time as the API writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def expired(spec: Mapping[str, Any], at: datetime.datetime) -> bool:
    """Tell whether a Lease's holder has stopped renewing it.

    ``spec`` is the Lease's spec as the API gives it; ``at`` an aware datetime.
    """
    if not spec.get("holderIdentity"):
        return True
    renewed = spec.get("renewTime")
    if not renewed:
        return True
    moment = datetime.datetime.fromisoformat(renewed.replace("Z", "+00:00"))
    return at > moment + datetime.timedelta(seconds=spec.get("leaseDurationSeconds") or DURATION)


class Lease:
    """The Lease ``lab-reset`` of a namespace, for one holder."""

    def __init__(self, client: KubernetesClient, namespace: str, identity: str) -> None:
        """Act for ``identity`` through ``client``."""
        self.client = client
        self.namespace = namespace
        self.identity = identity

    def _find(self) -> Manifest | None:
        return self.client.get(*LEASE, NAME, self.namespace)

    def holder(self) -> str:
        """Return the identity of who holds it now, empty where nobody does."""
        spec = (self._find() or {}).get("spec") or {}
        return "" if expired(spec, now()) else str(spec["holderIdentity"])

    def _write(self, found: Manifest | None) -> None:
        """Make it ours, or ours for longer; it says since when we hold it."""
        former = (found or {}).get("spec") or {}
        ours = former.get("holderIdentity") == self.identity
        moment = written(now())
        metadata = {"name": NAME, "namespace": self.namespace}
        if found:
            metadata["resourceVersion"] = found["metadata"]["resourceVersion"]
        body = {
            "apiVersion": LEASE[0],
            "kind": LEASE[1],
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": DURATION,
                "acquireTime": former.get("acquireTime") if ours else moment,
                "renewTime": moment,
                "leaseTransitions": (former.get("leaseTransitions") or 0) + (not ours),
            },
        }
        if found:
            self.client.replace(body)
        else:
            self.client.create(body)

    def attempt(self) -> dict[str, Any] | None:
        """Take or renew it; return the present holder's spec when another holds it."""
        found = self._find()
        spec: dict[str, Any] = (found or {}).get("spec") or {}
        if spec.get("holderIdentity") != self.identity and not expired(spec, now()):
            return spec
        try:
            self._write(found)
        except (ConflictError, NotFoundError):
            # Somebody wrote in between; the next look says who.
            return spec if spec.get("holderIdentity") else {"holderIdentity": "one just begun"}
        return None

    def take(self, timeout: float, pause: float = 0.5) -> None:
        """Take it, waiting at most ``timeout`` seconds for another holder to end.

        Raises:
            LeaseHeldError: another reset held it all the time.
        """
        holder: dict[str, Any] = {}
        for _ in moments(timeout, pause):
            if (another := self.attempt()) is None:
                return
            holder = another
        raise LeaseHeldError(
            f"another reset of {self.namespace} is running "
            f"({holder['holderIdentity']}, since {holder.get('acquireTime', 'just now')}); "
            "wait for it to end"
        )

    def _ours(self, found: Manifest | None) -> TypeGuard[Manifest]:
        holder = ((found or {}).get("spec") or {}).get("holderIdentity")
        return bool(holder == self.identity)

    def renew(self) -> bool:
        """Hold it for longer; return False where it is another's, or was given back."""
        found = self._find()
        if not self._ours(found):
            return False
        try:
            self._write(found)
        except (ConflictError, NotFoundError):
            return self._ours(self._find())
        return True

    def release(self, tries: int = 5) -> bool:
        """Give it back; return False where it was not ours any more, and is left alone."""
        for _ in range(tries):
            found = self._find()
            if not self._ours(found):
                return False
            same = {key: found["metadata"][key] for key in ("uid", "resourceVersion")}
            # A conflict: it was renewed, or taken over, since the look.
            with contextlib.suppress(ConflictError):
                if self.client.delete(*LEASE, NAME, self.namespace, preconditions=same):
                    return True
        return False
