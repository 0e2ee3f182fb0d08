"""Answers the controller's question how the models are, and the kubelet's probes."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from model_puller.sync import Synchroniser

_LONGEST_WAIT = 30.0


class StateServer(ThreadingHTTPServer):
    """`/state?generation=&timeout=` waits for a generation; `/ready` and `/live` are probes."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], synchroniser: Synchroniser) -> None:
        self.synchroniser = synchroniser
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = 40
    server: StateServer

    def do_GET(self) -> None:
        """Answer one question."""
        parts = urlsplit(self.path)
        if parts.path == "/live":
            self._reply(200, {"live": True})
        elif parts.path == "/ready":
            ready = self.server.synchroniser.ready()
            self._reply(200 if ready else 503, {"ready": ready})
        elif parts.path == "/state":
            query = parse_qs(parts.query)
            generation = query.get("generation", [None])[0]
            try:
                timeout = min(float(query.get("timeout", ["0"])[0]), _LONGEST_WAIT)
            except ValueError:
                timeout = 0.0
            self._reply(200, self.server.synchroniser.report(generation, timeout))
        else:
            self._reply(404, {"error": "not found"})

    def _reply(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Probes are not worth a line each."""
