"""A container registry in memory, over HTTP: as much of the distribution API as a push takes."""

from __future__ import annotations

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BLOB = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>sha256:[0-9a-f]+)")
MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")
UPLOAD = re.compile(
    r"/v2/(?P<name>.+)/blobs/uploads/(?P<session>[^/?]*)(?:\?digest=(?P<digest>.+))?"
)


class Registry:
    """What was pushed: blobs by digest, manifests by repository and tag or digest."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.uploads: dict[str, bytes] = {}
        self.requests: list[str] = []
        self._accepts = ""
        self._challenge = ""
        self._login = ""
        registry = self

        class Handler(_Handler):
            store = registry

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Registry:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asks_for(self, scheme: str, login: str) -> None:
        """Let nobody in without this login, by name and password or by a token of ours."""
        self._login = f"Basic {login}"
        self._challenge = 'Basic realm="stub"'
        self._accepts = self._login
        if scheme == "Bearer":
            self._challenge = f'Bearer realm="http://{self.address}/token",service="stub"'
            self._accepts = "Bearer of-the-stub"

    def refusal(self, path: str, authorization: str) -> str:
        """Return what is asked for instead of an answer, or nothing."""
        wanted = self._login if path.startswith("/token") else self._accepts
        return "" if authorization == wanted or not wanted else self._challenge

    @property
    def pushes(self) -> int:
        """How many manifests were put."""
        return sum(line.startswith("PUT") and "/manifests/" in line for line in self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Registry

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _serve(self) -> None:
        store = self.store
        store.requests.append(f"{self.command} {self.path}")
        body = self._body()
        path = self.path.replace("%3A", ":")
        if challenge := store.refusal(path, self.headers.get("Authorization", "")):
            self._answer(401, b"{}", WWW_Authenticate=challenge)
        elif path.startswith("/token"):
            self._answer(200, b'{"token": "of-the-stub"}')
        elif path == "/v2/":
            self._answer(200)
        elif found := UPLOAD.fullmatch(path):
            self._upload(found, body)
        elif (found := BLOB.fullmatch(path)) and (blob := store.blobs.get(found["digest"])):
            self._answer(200, blob, Docker_Content_Digest=found["digest"])
        elif found := MANIFEST.fullmatch(path):
            self._manifest(found, body)
        else:
            self._answer(404, b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')

    def do_GET(self) -> None:
        """Send a blob or a manifest."""
        self._serve()

    def do_HEAD(self) -> None:
        """Say whether it is there."""
        self._serve()

    def do_POST(self) -> None:
        """Begin to take a blob."""
        self._serve()

    def do_PATCH(self) -> None:
        """Take a part of one."""
        self._serve()

    def do_PUT(self) -> None:
        """Finish one, or take a manifest."""
        self._serve()

    def _upload(self, found: re.Match[str], body: bytes) -> None:
        session = found["session"] or str(len(self.store.uploads))
        data = self.store.uploads.get(session, b"") + body
        self.store.uploads[session] = data
        place = f"/v2/{found['name']}/blobs/uploads/{session}"
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
            if digest != found["digest"]:
                self._answer(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
                return
            self.store.blobs[digest] = data
            self._answer(201, Location=place, Docker_Content_Digest=digest)
        else:
            self._answer(202, Location=place, Range=f"0-{max(0, len(data) - 1)}")

    def _manifest(self, found: re.Match[str], body: bytes) -> None:
        key = (found["name"], found["reference"])
        if self.command == "PUT":
            digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
            kind = self.headers["Content-Type"]
            self.store.manifests[key] = self.store.manifests[found["name"], digest] = (kind, body)
            self._answer(201, Docker_Content_Digest=digest)
        elif entry := self.store.manifests.get(key):
            digest = f"sha256:{hashlib.sha256(entry[1]).hexdigest()}"
            self._answer(200, entry[1], Content_Type=entry[0], Docker_Content_Digest=digest)
        else:
            self._answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
