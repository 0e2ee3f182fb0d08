"""An S3 of a few lines, with the faults that the puller must explain."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

ACCESS_KEY = "test-access"
# Keys in one listing, as S3 has it.
PAGE = 1000


class ObjectStore:
    """Objects of one bucket, `rhods`, served on the loopback interface."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ObjectStore:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _handler(store: ObjectStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            store.requests.append(self.path)
            bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
            if ACCESS_KEY not in self.headers.get("Authorization", ""):
                self._fail(403, "InvalidAccessKeyId")
            elif bucket != "rhods":
                self._fail(404, "NoSuchBucket")
            elif not key:
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                self._list(query.get("prefix", ""), query.get("continuation-token", ""))
            elif key not in store.objects:
                self._fail(404, "NoSuchKey")
            else:
                self._send(200, "application/octet-stream", store.objects[key])

        def _list(self, prefix: str, after: str) -> None:
            found = [
                (key, body)
                for key, body in sorted(store.objects.items())
                if key.startswith(prefix) and key > after
            ]
            page = found[:PAGE]
            items = "".join(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(body)}</Size>"
                f'<ETag>"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"</ETag></Contents>'
                for key, body in page
            )
            if len(found) > PAGE:
                token = f"<NextContinuationToken>{escape(page[-1][0])}</NextContinuationToken>"
                items += f"<IsTruncated>true</IsTruncated>{token}"
            text = f"<ListBucketResult><Name>rhods</Name>{items}</ListBucketResult>"
            self._send(200, "application/xml", text.encode())

        def _fail(self, status: int, code: str) -> None:
            text = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>"
            self._send(status, "application/xml", text.encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
