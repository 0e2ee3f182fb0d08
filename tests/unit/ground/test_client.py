"""The client against a small API server that speaks HTTP."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client import Configuration

from lab_diagnosis import diagnose
from lab_diagnosis.collect import collect, locate
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ConflictError, UnknownKindError

SERVING = "serving.knative.dev"


def resources(*kinds: tuple[str, str, bool]) -> dict[str, Any]:
    named = [{"kind": kind, "name": name, "namespaced": inside} for kind, name, inside in kinds]
    return {"resources": named}


def group(name: str, *versions: str) -> dict[str, Any]:
    every = [{"groupVersion": f"{name}/{version}"} for version in versions]
    return {"name": name, "versions": every, "preferredVersion": every[-1]}


ANSWERS: dict[str, Any] = {
    "/api/v1": resources(("Service", "services", True), ("Namespace", "namespaces", False),
                         ("Pod", "pods", True), ("ServiceAccount", "serviceaccounts", True)),
    "/apis": {"groups": [group("apps", "v1beta1", "v1"), group(SERVING, "v1"),
                         group("metrics", "v1")]},
    "/apis/apps/v1": resources(("Deployment", "deployments", True)),
    "/apis/apps/v1beta1": resources(("Deployment", "deployments", True)),
    f"/apis/{SERVING}/v1": resources(("Service", "services", True)),
    "/apis/metrics/v1": 503,
    "/apis/apps/v1/deployments": {"items": [{"metadata": {"name": "web", "namespace": "mnist"}}]},
    "/api/v1/namespaces/mnist/serviceaccounts/me/token": {"status": {"token": "abc"}},
}  # fmt: skip


class Api(http.server.BaseHTTPRequestHandler):
    """Answers from the table; a deletion only with the right uid."""

    def do_GET(self) -> None:
        found = ANSWERS.get(self.path.partition("?")[0], 404)
        status = found if isinstance(found, int) else 200
        body = json.dumps({"message": "no"} if isinstance(found, int) else found).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def do_DELETE(self) -> None:
        options = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        right = options.get("preconditions") == {"uid": "1"}
        self.send_response(200 if right else 409)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output readable."""


@pytest.fixture(name="client", scope="module")
def client_of_the_server() -> Iterator[KubernetesClient]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield KubernetesClient(Configuration(host=f"http://127.0.0.1:{server.server_port}"))
    server.shutdown()


@pytest.mark.parametrize(
    ("kind", "versions"),
    [
        ("Deployment", ["apps/v1", "apps/v1beta1"]),
        ("Service", ["v1", f"{SERVING}/v1"]),
        ("Widget", []),
    ],
)
def test_a_kind_is_found_in_each_version_the_preferred_first(
    client: KubernetesClient, kind: str, versions: list[str]
) -> None:
    assert client.versions_of(kind) == versions
    assert client.versions_of(kind, SERVING) == [v for v in versions if SERVING in v]


def test_a_kind_or_a_version_that_nobody_knows_is_told(client: KubernetesClient) -> None:
    for api_version, kind in (("v1", "Widget"), ("example.org/v1", "Widget")):
        with pytest.raises(UnknownKindError, match="the server has no"):
            client.list_objects(api_version, kind, "mnist")
        assert client.get(api_version, kind, "a", "mnist") is None


def test_objects_are_located_by_kind_alone(client: KubernetesClient) -> None:
    assert locate(client, "Deployment", "web") == ["mnist"]
    assert locate(client, "Namespace", "mnist") == [""]
    for api_version in ("", "example.org/v1"):
        evidence = collect(client, "Widget", "a", "mnist", api_version)
        assert "the cluster does not know this kind" in diagnose(evidence).cause


def test_tokens_and_preconditions(client: KubernetesClient) -> None:
    assert client.token("me", "mnist", 600) == "abc"
    assert client.token("nobody", "mnist", 600) is None
    assert client.delete("v1", "Pod", "a", "mnist", preconditions={"uid": "1"})
    with pytest.raises(ConflictError):
        client.delete("v1", "Pod", "a", "mnist", preconditions={"uid": "2"})
