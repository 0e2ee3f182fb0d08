"""One leader at a time, by a Lease: a second process waits until the first has let go."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError, ConflictError

logger = logging.getLogger(__name__)

_API, _KIND = "coordination.k8s.io/v1", "Lease"


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Leadership:
    """Takes and keeps a Lease; ``lost`` is called when it could not be renewed in time."""

    def __init__(
        self,
        client: KubernetesClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        lost: Callable[[], None],
        duration: float = 15.0,
        period: float = 3.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._lost = lost
        self._duration = duration
        self._period = period
        self._clock = clock
        self._seen: tuple[Any, Any] | None = None
        self._seen_at = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def try_acquire(self) -> bool:
        """Take the Lease if it is free, ours, or its holder has stopped renewing it.

        The holder's own clock is not trusted: it counts as gone when its renewal has not moved
        for the whole duration on our clock.
        """
        lease = self._client.get(_API, _KIND, self._name, self._namespace)
        if lease is None:
            try:
                self._client.create(self._manifest({}, transitions=0))
            except ConflictError:
                return False
            return True
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity")
        if holder and holder != self._identity:
            seen = (holder, spec.get("renewTime"))
            if seen != self._seen:
                self._seen, self._seen_at = seen, self._clock()
                return False
            if self._clock() - self._seen_at < self._duration:
                return False
        transitions = int(spec.get("leaseTransitions") or 0) + (holder != self._identity)
        manifest = self._manifest(spec if holder == self._identity else {}, transitions)
        manifest["metadata"]["resourceVersion"] = lease["metadata"]["resourceVersion"]
        try:
            self._client.replace(manifest)
        except ConflictError:
            return False
        return True

    def _manifest(self, spec: dict[str, Any], transitions: int) -> dict[str, Any]:
        return {
            "apiVersion": _API,
            "kind": _KIND,
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(self._duration),
                "acquireTime": spec.get("acquireTime") or _now(),
                "renewTime": _now(),
                "leaseTransitions": transitions,
            },
        }

    def wait(self) -> None:
        """Block until the Lease is ours, then keep it in the background."""
        while not self._stop.is_set():
            try:
                if self.try_acquire():
                    break
            except ApiError as error:
                logger.warning("cannot read the lease: %s", error)
            self._stop.wait(min(1.0, self._period))
        logger.info("leading as %s", self._identity)
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def _renew(self) -> None:
        renewed = self._clock()
        while not self._stop.wait(self._period):
            try:
                kept = self.try_acquire()
            except Exception as error:
                logger.warning("cannot renew the lease: %s", error)
                kept = False
            if kept:
                renewed = self._clock()
            elif self._clock() - renewed > self._duration * 2 / 3:
                logger.error("the lease is lost")
                self._lost()
                return

    def release(self) -> None:
        """Give the Lease up, so that the next process starts at once."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)
        try:
            lease = self._client.get(_API, _KIND, self._name, self._namespace)
            if lease and lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"]["holderIdentity"] = ""
                self._client.replace(lease)
        except ApiError as error:
            logger.warning("cannot release the lease: %s", error)
