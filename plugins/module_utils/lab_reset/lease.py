"""A Lease, so that two resets of one seat never run at once.

The holder renews it from a thread; a killed run's Lease therefore ends by itself after
``DURATION`` seconds and the next run takes it over.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import socket
import threading
import time
import uuid

NAME = "lab-reset"
DURATION = 15
RENEW_EVERY = 4


class LeaseHeldError(Exception):
    """Another reset holds the Lease; the message says who and since when."""


def now():
    """Return the time as the API writes it."""
    return datetime.datetime.now(datetime.UTC)


def expired(spec, at):
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
    """Context manager that holds the Lease ``lab-reset`` of a namespace."""

    def __init__(self, resource, namespace, timeout):
        """Wait at most ``timeout`` seconds for the Lease; ``resource`` is the dynamic API."""
        self.resource = resource
        self.namespace = namespace
        self.timeout = timeout
        self.identity = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.stop = threading.Event()
        self.thread = None

    def _body(self, version=None):
        metadata = {"name": NAME, "namespace": self.namespace}
        if version:
            metadata["resourceVersion"] = version
        moment = now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": DURATION,
                "acquireTime": moment,
                "renewTime": moment,
            },
        }

    def _try(self):
        """Take the Lease; return the present holder's spec when it is held."""
        from kubernetes.dynamic.exceptions import ConflictError, NotFoundError

        try:
            found = self.resource.get(name=NAME, namespace=self.namespace).to_dict()
        except NotFoundError:
            try:
                self.resource.create(body=self._body(), namespace=self.namespace)
            except ConflictError:
                return {"holderIdentity": "another reset that has just begun"}
            return None
        spec = found.get("spec") or {}
        if spec.get("holderIdentity") != self.identity and not expired(spec, now()):
            return spec
        try:
            version = found["metadata"]["resourceVersion"]
            self.resource.replace(body=self._body(version), namespace=self.namespace)
        except ConflictError:
            return spec
        return None

    def __enter__(self):
        """Take the Lease or raise LeaseHeldError."""
        end = time.monotonic() + self.timeout
        while (holder := self._try()) is not None:
            if time.monotonic() > end:
                raise LeaseHeldError(
                    f"another reset of {self.namespace} is running "
                    f"({holder['holderIdentity']}, since {holder.get('acquireTime', 'just now')}); "
                    "wait for it to end"
                )
            time.sleep(1)
        self.thread = threading.Thread(target=self._renew, daemon=True)
        self.thread.start()
        return self

    def _renew(self):
        while not self.stop.wait(RENEW_EVERY):
            self._try()

    def __exit__(self, *_):
        """Give the Lease back."""
        self.stop.set()
        if self.thread:
            self.thread.join(timeout=RENEW_EVERY)
        from kubernetes.dynamic.exceptions import NotFoundError

        with contextlib.suppress(NotFoundError):
            self.resource.delete(name=NAME, namespace=self.namespace)
