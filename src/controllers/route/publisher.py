"""Where the router fetches its rules: HTTPS, with a token, from the operators' own process."""

from __future__ import annotations

import hashlib
import json
import os
import re
import ssl
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from controllers.serving_certificate.build.authority import KeyPair, sign
from lab_ground import web

PORT = 8444
PATH = "/router/configuration"
_RENEW_AFTER = 30 * 86400.0


def encode(configuration: dict[str, Any]) -> bytes:
    """Write the configuration as JSON that Traefik cannot take for a template.

    Traefik runs its files through a template engine, so ``{{`` in somebody's annotation would be
    run there, or stop every rule. JSON has two braces in a row only inside of a string. It then
    reads them as YAML, which knows no surrogate pairs: a character beyond the basic plane is one
    escape of eight digits.
    """
    text = json.dumps(configuration, sort_keys=True, ensure_ascii=False).replace("{{", "{\\u007b")
    return _BEYOND_ASCII.sub(_escape, text).encode()


def marked(configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration with a middleware that nothing uses, named for its content.

    By it the router sees whether Traefik works by these rules.
    """
    digest = hashlib.sha256(encode(configuration)).hexdigest()[:16]
    http = configuration.get("http", {})
    mark = {f"rules-{digest}": {"redirectScheme": {"scheme": "https"}}}
    return {
        **configuration,
        "http": {**http, "middlewares": {**http.get("middlewares", {}), **mark}},
    }


# Only within strings: JSON itself is ASCII.
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]")


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    if 0xD800 <= number <= 0xDFFF:
        return "\\ufffd"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


class Publisher:
    """Keeps the latest configuration and serves it."""

    def __init__(self) -> None:
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
        server = web.serve(port, {PATH: self.answer}, token=token, context=context)
        return int(server.server_address[1])
