"""The command of the documents that OpenShift alone answers, asked of a server that is like it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import documents
import pytest

COMMAND = "oc get ingresses.config cluster -o jsonpath='{.spec.domain}'"
GROUP, VERSION = "config.openshift.io", "config.openshift.io/v1"
FOUND = {"groupVersion": VERSION, "version": "v1"}
RESOURCE = {
    "name": "ingresses", "singularName": "ingress", "kind": "Ingress", "namespaced": False,
    "verbs": ["get", "list"],
}  # fmt: skip
# What the API server of OpenShift says, as far as the command asks.
ANSWERS = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList", "apiVersion": "v1",
        "groups": [{"name": GROUP, "versions": [FOUND], "preferredVersion": FOUND}],
    },
    "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": []},
    f"/apis/{VERSION}": {
        "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": VERSION,
        "resources": [RESOURCE],
    },
    f"/apis/{VERSION}/ingresses/cluster": {
        "kind": "Ingress", "apiVersion": VERSION, "metadata": {"name": "cluster"},
        "spec": {"domain": "apps.example.com"},
    },
}  # fmt: skip


class OpenShift(BaseHTTPRequestHandler):
    """Answers what a person's oc asks."""

    def do_GET(self) -> None:
        """Answer from the table, or that there is no such thing."""
        found = ANSWERS.get(self.path.partition("?")[0])
        body = json.dumps(found or {"kind": "Status", "code": 404}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), OpenShift)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    path = tmp_path / "kubeconfig"
    address = f"http://127.0.0.1:{server.server_port}"
    path.write_text(
        json.dumps(
            {
                "clusters": [{"name": "it", "cluster": {"server": address}}],
                "contexts": [{"name": "it", "context": {"cluster": "it"}}],
                "current-context": "it",
            }
        )
    )
    yield path
    server.shutdown()
    server.server_close()


def test_the_wildcard_domain_is_told(kubeconfig: Path, tmp_path: Path) -> None:
    assert COMMAND in documents.told_by(documents.REPOSITORY / "docs/instructor/openshift.md")
    done = documents.run_line(COMMAND, 30, KUBECONFIG=str(kubeconfig), HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert done.stdout == "apps.example.com"
