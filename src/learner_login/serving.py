"""The login's HTTP: pages for browsers, by the router, and what doors and scripts ask."""

from __future__ import annotations

import json
import logging
from http.server import BaseHTTPRequestHandler
from typing import Any

from lab_ground.kubernetes.asking import ReviewError
from lab_ground.kubernetes.errors import ApiError
from learner_login.browser import Browser, came_from, read_visit
from learner_login.doors import Doors
from learner_login.service import Service, read_json

logger = logging.getLogger(__name__)

# A token of 16 KiB in a form, each of its signs in three.
LARGEST_BODY = 56 * 1024
ASKED = ("/login", "/door/")


def build_handler(
    service: Service, doors: Doors | None = None, browser: Browser | None = None
) -> type[BaseHTTPRequestHandler]:
    """Return what answers one connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Doors keep their connections between two questions.
        timeout = 30

        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._say(200, {"Content-Type": "text/plain"}, b"ok\n")
            else:
                self._show(b"")

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            try:
                length = int(self.headers.get("Content-Length") or 0)
            except ValueError:
                length = -1
            if not 0 <= length <= LARGEST_BODY:
                self.close_connection = True
                self._say(413, {"Content-Type": "text/plain"}, b"no body of that size\n")
                return
            body = self.rfile.read(length)
            if not self.path.startswith(ASKED):
                self._show(body)
                return
            status, content = self._asked(read_json(body))
            self._say(status, {"Content-Type": "application/json"}, json.dumps(content).encode())

        def _asked(self, content: Any) -> tuple[int, dict[str, Any]]:
            if self.path.startswith("/door/"):
                return self._door(content)
            # Whoever came by the router came from where the router says.
            if isinstance(content, dict) and (address := came_from(self._fields())):
                content = {**content, "address": address}
            return service.answer(self.path, content)

        def _door(self, content: Any) -> tuple[int, dict[str, Any]]:
            if doors is None or not isinstance(content, dict):
                return 400, {"message": "an object is needed"}
            if came_from(self._fields()):
                # Doors ask within the cluster; by the router comes only who is none.
                return 404, {"message": "there is nothing here"}
            try:
                return doors.answer(self.path, content)
            except (ApiError, ReviewError) as error:
                logger.warning("the cluster does not answer: %s", error)
                return 503, {"message": "the cluster does not answer"}

        def _show(self, body: bytes) -> None:
            if browser is None:
                self._say(404, {"Content-Type": "text/plain"}, b"not found\n")
                return
            visit = read_visit(self.command, self.path, self._fields(), body)
            self._say(*browser.answer(visit))

        def _fields(self) -> dict[str, str]:
            return {name.lower(): value for name, value in self.headers.items()}

        def _say(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {"Cache-Control": "no-store", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: ARG002
            # What was asked may hold a door's code; who signed in is logged where it is known.
            return

    return Handler
