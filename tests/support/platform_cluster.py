"""What tests of the platform on a cluster share: waiting, asking the router, manifests."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lab_ground import waiting
from lab_ground.connections import secret_texts
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.settings import get_settings

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"
PLATFORM = "lab-platform"
DOMAIN = os.environ.get("LAB_BASE_DOMAIN", "apps.mnist-lab.localhost")
# Where the router's ports are, seen from here.
ROUTER = os.environ.get("LAB_ROUTER_ADDRESS", "127.0.0.1")

# Says who it is; with a certificate in /tls it speaks TLS.
SERVER = """
import http.server, json, os, ssl
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.dumps({"name": os.environ["NAME"], "path": self.path,
                           "received": len(self.rfile.read(length)),
                           "headers": dict(self.headers)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *arguments):
        pass
server = http.server.ThreadingHTTPServer(("", 8080), Handler)
if os.path.exists("/tls/tls.crt"):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/tls/tls.crt", "/tls/tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


def wait_for(check: Callable[[], Any], seconds: float, what: str, pause: float = 0.1) -> Any:
    """Return what ``check`` returns once that is true; fail saying what did not happen."""
    excused = (OSError, http.client.HTTPException, LookupError, ValueError)
    return waiting.wait_for(check, seconds, what, pause, excused=excused)


@dataclass
class Answer:
    """An answer of HTTP."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


def read_authority(client: KubernetesClient) -> str:
    """The certificate of the authority that signs the Routes' certificates, as PEM."""
    secret = client.get("v1", "Secret", "lab-ca", PLATFORM)
    assert secret, "the platform is not installed: ./lab run install-platform"
    return secret_texts(secret)["tls.crt"]


class Browser:
    """Asks through the router, trusting the lab's authority and nobody else."""

    def __init__(self, authority: str) -> None:
        self._context = ssl.create_default_context(cadata=authority)

    def ask(
        self,
        host: str,
        path: str = "/",
        *,
        method: str = "GET",
        tls: bool = True,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        """Send one request to a host of the lab."""
        port = 443 if tls else 80
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
        connection.sock = socket.create_connection((ROUTER, port), timeout)
        with contextlib.closing(connection):
            if tls:
                connection.sock = self._context.wrap_socket(connection.sock, server_hostname=host)
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def sign_in(self, host: str, token: str, below: str = "") -> dict[str, str]:
        """The headers of a session at a door of the lab, begun with a token at its login.

        Args:
            host: of the door.
            token: of who may enter.
            below: the path of a door that shares its host with others.

        Raises:
            LookupError: the login does not let it in (yet).
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = f"token={quote(token)}".encode()
        answer = self.ask(host, f"{below}/oauth/login", method="POST", body=body, headers=headers)
        if answer.status != 303:
            raise LookupError(f"the login of {host} answered {answer.status}")
        return {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}


def answered(browser: Browser, host: str, path: str = "/", **more: Any) -> Answer:
    """Return the answer if it is a 200; raise, for `wait_for` to show, what came instead."""
    answer = browser.ask(host, path, **more)
    if answer.status != 200:
        raise LookupError(f"{host}{path} answered {answer.status}: {answer.body[:300]!r}")
    return answer


def container(name: str = "server", **more: Any) -> Manifest:
    """A container of the test server, allowed under ``restricted``."""
    return {
        "name": "server",
        "image": get_settings().platform_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", SERVER],
        "env": [{"name": "NAME", "value": name}],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        **more,
    }


def server_manifests(name: str, namespace: str, *, tls: bool = False) -> list[Manifest]:
    """A pod of the test server and its Service."""
    spec: Manifest = {
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container(name)],
    }
    annotations = {}
    if tls:
        annotations["service.beta.openshift.io/serving-cert-secret-name"] = f"{name}-tls"
        spec["volumes"] = [{"name": "tls", "secret": {"secretName": f"{name}-tls"}}]
        spec["containers"][0]["volumeMounts"] = [{"name": "tls", "mountPath": "/tls"}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
            "spec": {
                "selector": {"app": name},
                "ports": [{"name": "web", "port": 80, "targetPort": 8080}],
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
            "spec": spec,
        },
    ]


_WITH_READY = {
    "Pod": ("v1", "Pod"),
    "Notebook": ("kubeflow.org/v1", "Notebook"),
    "Function": ("serving.knative.dev/v1", "Service"),
}


def is_ready(client: KubernetesClient, kind: str, name: str, namespace: str) -> bool:
    """Say whether a Pod, a Notebook or a Function (a Knative Service) is ready."""
    found = client.get(*_WITH_READY[kind], name, namespace)
    return condition(found, "Ready").get("status") == "True"


def condition(manifest: Manifest | None, type_: str) -> Manifest:
    """Return a condition of an object, empty if it has none."""
    conditions = ((manifest or {}).get("status") or {}).get("conditions") or []
    return next((c for c in conditions if c["type"] == type_), {})


def kill_operators(client: KubernetesClient) -> None:
    """Kill the controllers' process without a goodbye."""
    for pod in client.list_objects(
        "v1", "Pod", PLATFORM, label_selector="app.kubernetes.io/name=lab-operators"
    ):
        client.request(
            "DELETE",
            client.path("v1", "Pod", PLATFORM, pod["metadata"]["name"]),
            body={"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0},
        )
