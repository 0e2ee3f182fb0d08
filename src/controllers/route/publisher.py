"""Where the router fetches its rules: HTTPS, with a token, from the operators' own process."""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from controllers.serving_certificate.build.authority import KeyPair, sign
from lab_ground import web
from router.rules import encode, marked

PORT = 8444
PATH = "/router/configuration"
# What the router says when it asks: the Routes whose rules Traefik did not take.
LEFT_OUT = "X-Lab-Left-Out"
_RENEW_AFTER = 30 * 86400.0


class Publisher:
    """Keeps the latest configuration and serves it.

    ``left_out`` has the Routes, by namespace and name, that the router could not use; ``changed``
    is called when it says something else than before.
    """

    def __init__(self) -> None:
        self.left_out: frozenset[tuple[str, str]] = frozenset()
        self.changed: Callable[[], None] = lambda: None
        self._body: bytes | None = None
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._signed_at = 0.0

    def publish(self, configuration: dict[str, Any]) -> None:
        """Serve this configuration from now on."""
        body = encode(marked(configuration))
        with self._lock:
            self._body = body

    def answer(self) -> web.Answer:
        """Answer the router; before the first configuration it keeps what it has."""
        with self._lock:
            body = self._body
        if body is None:
            return 503, "text/plain", b"not ready\n"
        return 200, "application/json", body

    def heard(self, headers: Mapping[str, str]) -> None:
        """Take note of what the router says."""
        said = (headers.get(LEFT_OUT) or "").split()
        left_out = frozenset(
            (namespace, name) for namespace, _, name in (one.partition("_") for one in said)
        )
        if left_out != self.left_out:
            self.left_out = left_out
            self.changed()

    def secure(self, authority: KeyPair, hosts: list[str]) -> ssl.SSLContext:
        """Return the TLS context, with a certificate that is made anew once a month."""
        if self._context is None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._signed_at and time.monotonic() - self._signed_at < _RENEW_AFTER:
            return self._context
        pair = sign(authority, hosts)
        handle, name = tempfile.mkstemp(suffix=".pem")
        try:
            with os.fdopen(handle, "w") as file:
                file.write(pair.key + pair.certificate)
            self._context.load_cert_chain(name)
        finally:
            Path(name).unlink()
        self._signed_at = time.monotonic()
        return self._context

    def start(self, authority: KeyPair, hosts: list[str], token: str, port: int = PORT) -> int:
        """Start serving; return the port."""
        context = self.secure(authority, hosts)
        server = web.serve(
            port, {PATH: self.answer}, token=token, context=context, heard=self.heard
        )
        return int(server.server_address[1])
