"""Serve the login: ``python3 -m learner_login``."""

from __future__ import annotations

import json
import logging
import os
import signal
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from lab_ground import web
from lab_ground.kubernetes.client import open_client
from lab_ground.logs import configure_logging
from learner_login.accounts import Accounts
from learner_login.service import Service, read_json

logger = logging.getLogger("learner_login")

PORT, METRICS_PORT = 8443, 8081
LARGEST_BODY = 8 * 1024
# How often it is looked whether the certificate was renewed.
LOOK_SECONDS = 30.0


def build_handler(service: Service) -> type[BaseHTTPRequestHandler]:
    """Return what answers one connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 15

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._say(200, "text/plain", b"ok\n")
            else:
                self._say(404, "text/plain", b"not found\n")

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length") or 0)
            except ValueError:
                length = -1
            if not 0 < length <= LARGEST_BODY:
                self.close_connection = True
                self._say(413, "text/plain", b"no body of that size\n")
                return
            status, content = service.answer(self.path, read_json(self.rfile.read(length)))
            self._say(status, "application/json", json.dumps(content).encode())

        def _say(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            logger.debug(format, *args)

    return Handler


def follow(context: ssl.SSLContext, directory: Path, stop: threading.Event) -> None:
    """Read the certificate again whenever it was renewed."""
    known = 0.0
    while True:
        seen = (directory / "tls.crt").stat().st_mtime
        if seen != known:
            context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
            known = seen
        if stop.wait(LOOK_SECONDS):
            return


def main() -> int:
    """Serve until a signal."""
    configure_logging(os.environ.get("LAB_LOG_LEVEL", "INFO"))
    namespace = os.environ.get("LAB_PLATFORM_NAMESPACE", "lab-platform")
    directory = Path(os.environ.get("LOGIN_TLS_DIRECTORY", "/etc/learner-login/tls"))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "tls.crt", directory / "tls.key")
    threading.Thread(target=follow, args=(context, directory, stop), daemon=True).start()
    service = Service(Accounts(open_client(), namespace))
    server = web.build_server(
        int(os.environ.get("LOGIN_PORT", PORT)), build_handler(service), context
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    web.serve(int(os.environ.get("LOGIN_METRICS_PORT", METRICS_PORT)), {"/metrics": web.metrics})
    logger.info("learners may sign in")
    stop.wait()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
