"""A mutating webhook that does to Notebooks what the odh-notebook-controller's does.

Source: notebook_webhook.go. Its environment is a Go map, so that what it adds stands in another
order at each write; here the order is turned by one at each, so that no test passes by luck.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BUNDLE = "/etc/pki/tls/custom-certs/ca-bundle.crt"
ENVIRONMENT = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "GIT_SSL_CAINFO")
VOLUMES = ("injected-a", "injected-b", "injected-c")
SIDECAR = "injected-proxy"


def mutate(notebook: dict[str, Any], turn: int) -> None:
    """Add what is missing, in an order that depends on the turn; put the sidecar in its place."""
    spec = notebook["spec"]["template"]["spec"]
    main = spec["containers"][0]
    environment = main.setdefault("env", [])
    known = {entry["name"] for entry in environment}
    environment += [
        {"name": name, "value": BUNDLE} for name in _turned(ENVIRONMENT, turn) if name not in known
    ]
    volumes = spec.setdefault("volumes", [])
    there = {volume["name"] for volume in volumes}
    volumes += [
        {"name": name, "emptyDir": {}} for name in _turned(VOLUMES, turn) if name not in there
    ]
    if all(container["name"] != SIDECAR for container in spec["containers"]):
        spec["containers"].append({"name": SIDECAR, "image": "example.com/proxy:1"})


def _turned(names: tuple[str, ...], turn: int) -> tuple[str, ...]:
    by = turn % len(names)
    return names[by:] + names[:by]


@contextmanager
def running_webhook(address: str, directory: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Answer admission reviews at an address of this machine.

    Gives the URL, the authority for ``caBundle``, and the operations that were asked about so far.
    """
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """One review a request."""

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            request = review["request"]
            notebook = request["object"]
            before = json.dumps(notebook, sort_keys=True)
            asked.append(request["operation"])
            mutate(notebook, len(asked))
            response: dict[str, Any] = {"uid": request["uid"], "allowed": True}
            if json.dumps(notebook, sort_keys=True) != before:
                patch = [{"op": "replace", "path": "/spec", "value": notebook["spec"]}]
                response |= {
                    "patchType": "JSONPatch",
                    "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
                }
            body = json.dumps({**review, "request": None, "response": response}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    certificate = _certificate(address, directory)
    server = ThreadingHTTPServer((address, 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    authority = base64.b64encode(certificate.read_bytes().split(b"-----BEGIN EC")[0]).decode()
    try:
        yield f"https://{address}:{server.server_address[1]}/", authority, asked
    finally:
        server.shutdown()
        server.server_close()


def _certificate(address: str, directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "webhook")])
    moment = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - datetime.timedelta(minutes=5))
        .not_valid_after(moment + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = directory / "webhook.pem"
    path.touch(mode=0o600)
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return path
