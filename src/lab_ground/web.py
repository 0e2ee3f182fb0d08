"""The operators' own HTTP: health, metrics, and (over TLS, with a token) the router's rules."""

from __future__ import annotations

import hashlib
import hmac
import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

logger = logging.getLogger(__name__)

Answer = tuple[int, str, bytes]
Route = Callable[[], Answer]


class Heartbeat:
    """Remembers when the event loop last turned, for the liveness probe."""

    def __init__(self, limit: float = 60.0) -> None:
        self._limit = limit
        self._at = time.monotonic()

    def beat(self) -> None:
        """Say that the loop turns."""
        self._at = time.monotonic()

    def alive(self) -> bool:
        """Say whether it turned lately."""
        return time.monotonic() - self._at < self._limit


def build_server(
    port: int, handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None
) -> ThreadingHTTPServer:
    """Return a server that answers each request in a thread of its own; over TLS with a context."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def finish_request(self, request: Any, client_address: Any) -> None:
            # The handshake happens in the request's thread: a slow client holds nobody up.
            if context is not None:
                request.settimeout(10)
                request = context.wrap_socket(request, server_side=True)
            super().finish_request(request, client_address)

        def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
            logger.debug("request of %s failed", client_address, exc_info=True)

    return Server(("", port), handler)


def serve(
    port: int,
    routes: Mapping[str, Route],
    *,
    token: str | None = None,
    context: ssl.SSLContext | None = None,
    heard: Callable[[Mapping[str, str]], None] = lambda _: None,
) -> ThreadingHTTPServer:
    """Serve each path from its function, in threads; with ``token`` only to who has it.

    ``heard`` gets the headers of each request that is answered.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            answer = routes.get(self.path.split("?")[0])
            given = self.headers.get("Authorization", "")
            if token is not None and not hmac.compare_digest(
                given.encode(), f"Bearer {token}".encode()
            ):
                status, kind, body = 401, "text/plain", b"no\n"
            elif answer is None:
                status, kind, body = 404, "text/plain", b"not found\n"
            else:
                heard(dict(self.headers.items()))
                status, kind, body = answer()
            tag = f'"{hashlib.sha256(body).hexdigest()}"'
            if status == 200 and self.headers.get("If-None-Match") == tag:
                status, body = 304, b""
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if status in (200, 304):
                self.send_header("ETag", tag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            logger.debug(format, *args)

    server = build_server(port, Handler, context)
    threading.Thread(target=server.serve_forever, name=f"http-{port}", daemon=True).start()
    return server


def metrics() -> Answer:
    """Answer with this process's Prometheus metrics."""
    return 200, CONTENT_TYPE_LATEST, generate_latest()


def health(check: Callable[[], bool]) -> Route:
    """Make a probe's answer from a check."""

    def answer() -> Answer:
        return (200, "text/plain", b"ok\n") if check() else (503, "text/plain", b"not ok\n")

    return answer
