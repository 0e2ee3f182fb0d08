"""How fast the platform is, and how much its controllers need.

    .lab/venv-platform/bin/python tests/benchmarks/kinds.py [--output FILE] [--quick]

Needs the platform on a cluster (``./lab run install-platform``), from a machine that reaches the
cluster's own addresses, as the node does. Works in a project of its own and takes it away again.
Writes JSON with, for each figure, what was measured and the bound that is aimed at:

- ``route_seconds``: from the creation of a Route to its first answer, the largest of five (2 s);
- ``notebook_seconds``: from the creation of a Notebook to Ready, its image being there (15 s);
- ``many_seconds``: 50 Routes and 20 stopped Notebooks created at once, until all have their status
  and the last Route answers (30 s);
- ``function_cold_seconds``: a request to a function without a pod (5 s);
- ``function_warm_ms``: what the activator adds to a request, p50 (3 ms);
- ``token_check_ms``: what the check adds to a request through the proxy with a warm cache, p50,
  against a path of the same proxy that needs no token (1 ms);
- ``controllers_mib``: resident memory of the controllers' process after all this (250 MiB).

``reference_ms``, a request straight to the server's pod, tells a slow machine from a slow platform.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import os
import re
import socket
import ssl
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cluster_accounts import token_of
from figures import finish
from platform_cluster import (
    DOMAIN,
    PLATFORM,
    STATE,
    Browser,
    condition,
    container,
    is_ready,
    server_manifests,
    wait_for,
)

from auth_proxy import container as proxy
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.client import KubernetesClient

ROOT = Path(__file__).resolve().parents[2]

BOUNDS = {
    "route_seconds": 2.0,
    "notebook_seconds": 15.0,
    "many_seconds": 30.0,
    "function_cold_seconds": 5.0,
    "function_warm_ms": 3.0,
    "token_check_ms": 1.0,
    "controllers_mib": 250.0,
}
ROUNDS, QUICK_ROUNDS = 400, 40


@contextlib.contextmanager
def project(client: KubernetesClient) -> Iterator[str]:
    """Make a project, and remove it at the end."""
    name = f"benchmark-{uuid.uuid4().hex[:6]}"
    labels = {
        "opendatahub.io/dashboard": "true",
        "pod-security.kubernetes.io/enforce": "restricted",
    }
    client.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )
    try:
        wait_for(lambda: client.get("v1", "ServiceAccount", "default", name), 30, "an account")
        yield name
    finally:
        client.delete("v1", "Namespace", name)


def route(name: str, namespace: str) -> dict[str, Any]:
    """A Route to the test server."""
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"to": {"kind": "Service", "name": "one"}, "tls": {"termination": "edge"}},
    }


def notebook(name: str, namespace: str, *, stopped: bool = False) -> dict[str, Any]:
    """A Notebook with the test server in JupyterLab's place."""
    one = container(name) | {"name": name}
    one["command"] = [*one["command"][:2], one["command"][2].replace("8080", "8888")]
    one["readinessProbe"] = {"tcpSocket": {"port": 8888}, "periodSeconds": 1}
    one["ports"] = [{"containerPort": 8888}]
    annotations = {"notebooks.opendatahub.io/inject-oauth": "true"}
    if stopped:
        annotations["kubeflow-resource-stopped"] = "now"
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Notebook",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"template": {"spec": {"serviceAccountName": name, "containers": [one]}}},
    }


def seconds(action: Callable[[], object]) -> float:
    """Return how long something takes."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def measure_route(client: KubernetesClient, browser: Browser, namespace: str) -> float:
    """Return the longest of five times until a new Route answers."""

    def once(number: int) -> None:
        host = f"new-{number}-{namespace}.{DOMAIN}"
        client.create(route(f"new-{number}", namespace))
        wait_for(lambda: browser.ask(host).status == 200, 30, "an answer", pause=0.02)

    return max(seconds(lambda number=number: once(number)) for number in range(5))  # type: ignore[misc]


def measure_notebook(client: KubernetesClient, namespace: str) -> float:
    """Return the time until a Notebook is ready."""
    bundle = "odh-trusted-ca-bundle"
    wait_for(lambda: client.get("v1", "ConfigMap", bundle, namespace), 30, "the project's CAs")

    def once() -> None:
        client.create(notebook("one", namespace))
        wait_for(lambda: is_ready(client, "Notebook", "one", namespace), 120, "it is ready")

    return seconds(once)


def measure_many(
    client: KubernetesClient, browser: Browser, namespace: str, count: int = 50
) -> float:
    """Return the time until 50 Routes and 20 stopped Notebooks have settled."""
    notebooks_wanted = count * 2 // 5

    def settled() -> bool:
        routes = client.list_objects("route.openshift.io/v1", "Route", namespace)
        admitted = [
            one
            for one in routes
            if one["metadata"]["name"].startswith("many-")
            and (one.get("status") or {}).get("ingress")
        ]
        notebooks = client.list_objects("kubeflow.org/v1", "Notebook", namespace)
        stopped = [one for one in notebooks if condition(one, "Ready").get("reason") == "Stopped"]
        return len(admitted) == count and len(stopped) == notebooks_wanted

    def once() -> None:
        for number in range(count):
            client.create(route(f"many-{number}", namespace))
            if number < notebooks_wanted:
                client.create(notebook(f"many-{number}", namespace, stopped=True))
        wait_for(settled, 180, "all have their status", pause=0.3)
        host = f"many-{count - 1}-{namespace}.{DOMAIN}"
        wait_for(lambda: browser.ask(host).status == 200, 30, "the last one answers")

    return seconds(once)


def median_ms(ask: Callable[[], int], rounds: int) -> float:
    """Return the median time of a request in milliseconds, after some to warm up."""
    times = []
    for number in range(rounds + 50):
        started = time.perf_counter()
        status = ask()
        if status != 200:
            raise AssertionError(f"it answered {status}")
        if number >= 50:
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def asker(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> Callable[[], int]:
    """Return a function that asks over one kept connection."""

    def ask() -> int:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    return ask


def connect(address: str, port: int) -> http.client.HTTPConnection:
    """Return a connection without Nagle's delays."""
    connection = http.client.HTTPConnection(address, port, timeout=30)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def measure_function(client: KubernetesClient, namespace: str, rounds: int) -> dict[str, float]:
    """Return the cold start and what the activator adds."""
    one = container("fn")
    # Answers in one packet: two would wait for each other's acknowledgement.
    one["command"] = [*one["command"][:2], buffered(one["command"][2])]
    client.create(
        {
            "apiVersion": "serving.knative.dev/v1",
            "kind": "Service",
            "metadata": {"name": "fn", "namespace": namespace},
            "spec": {
                "template": {
                    "metadata": {"annotations": {"autoscaling.knative.dev/window": "6s"}},
                    "spec": {"containers": [one], "terminationGracePeriodSeconds": 3},
                }
            },
        }
    )
    wait_for(lambda: is_ready(client, "Function", "fn", namespace), 120, "the function is ready")
    selector = "serving.knative.dev/service=fn"

    def pods() -> list[dict[str, Any]]:
        return client.list_objects("v1", "Pod", namespace, label_selector=selector)

    wait_for(lambda: not pods(), 120, "it sleeps", pause=0.3)
    activator = client.get("v1", "Service", "lab-activator", PLATFORM)
    assert activator is not None
    through = asker(
        connect(activator["spec"]["clusterIP"], 80), "/", {"Host": f"fn.{namespace}.svc"}
    )
    cold = seconds(lambda: through())
    direct = asker(connect(pods()[0]["status"]["podIP"], 8080), "/", {})
    reference = median_ms(direct, rounds)
    return {
        "function_cold_seconds": cold,
        "function_warm_ms": median_ms(through, rounds) - reference,
        "reference_ms": reference,
    }


def buffered(source: str) -> str:
    """Let the test server write its answer in one go."""
    return source.replace(
        'protocol_version = "HTTP/1.1"', 'protocol_version = "HTTP/1.1"\n    wbufsize = -1'
    )


def measure_token_check(
    client: KubernetesClient, namespace: str, authority: str, rounds: int
) -> float:
    """Return what the check adds to a request through the proxy."""
    review = {
        "verb": "get",
        "group": "",
        "resource": "services",
        "name": "guarded",
        "namespace": namespace,
    }
    guard = proxy.build_auth_proxy_container(
        upstream_port=8080, review=review, tls_volume="tls", open_paths=("/open/",)
    )
    service, pod = server_manifests("guarded", namespace)
    annotation = "service.beta.openshift.io/serving-cert-secret-name"
    service["metadata"]["annotations"] = {annotation: "guarded-tls"}
    account = {"name": "guarded", "namespace": namespace}
    client.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    client.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": account,
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "view",
            },
            "subjects": [{"kind": "ServiceAccount", **account}],
        }
    )
    server = pod["spec"]["containers"][0]
    server["command"] = [*server["command"][:2], buffered(server["command"][2])]
    pod["spec"]["containers"].append(guard)
    pod["spec"]["serviceAccountName"] = "guarded"
    pod["spec"]["volumes"] = proxy.build_auth_proxy_volumes(
        tls_volume="tls", tls_secret="guarded-tls"
    )
    client.create(service)
    client.create(pod)
    wait_for(lambda: is_ready(client, "Pod", "guarded", namespace), 120, "the proxy is ready")
    token = token_of(client, namespace, "guarded")
    found = client.get("v1", "Pod", "guarded", namespace)
    assert found is not None
    context = ssl.create_default_context(cadata=authority)

    def secure() -> http.client.HTTPConnection:
        connection = connect(found["status"]["podIP"], 8443)
        connection.sock = context.wrap_socket(
            connection.sock, server_hostname=f"guarded.{namespace}.svc"
        )
        return connection

    headers = {"Authorization": f"Bearer {token}"}
    unchecked = asker(secure(), "/open/x", headers)
    checked = asker(secure(), "/closed/x", headers)
    # In turns, so that a busy moment of the machine is in both.
    pairs = [(median_ms(unchecked, rounds), median_ms(checked, rounds)) for _ in range(3)]
    return statistics.median(after - before for before, after in pairs)


def memory_mib(client: KubernetesClient) -> float:
    """Return the resident memory of the controllers' process."""
    pods = client.list_objects(
        "v1", "Pod", PLATFORM, label_selector="app.kubernetes.io/name=lab-operators"
    )
    connection = http.client.HTTPConnection(pods[0]["status"]["podIP"], 8081, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    found = re.search(r"^process_resident_memory_bytes (\S+)$", text, re.MULTILINE)
    assert found, "there is no figure of the memory"
    return float(found.group(1)) / 2**20


def main() -> int:
    """Measure and write the figures; the exit code says whether every bound was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="few rounds: does everything work?")
    options = parser.parse_args()
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    os.environ.setdefault("KUBECONFIG", str(STATE / "kubeconfig"))
    client = kubernetes.get_client()
    secret = client.get("v1", "Secret", "lab-ca", PLATFORM)
    if secret is None:
        sys.exit("the platform is not installed: ./lab run install-platform")
    authority = base64.b64decode(secret["data"]["tls.crt"]).decode()
    browser = Browser(authority)
    figures: dict[str, float] = {}
    with project(client) as name:
        for manifest in server_manifests("one", name):
            client.create(manifest)
        wait_for(lambda: is_ready(client, "Pod", "one", name), 120, "the test server is ready")
        figures["route_seconds"] = measure_route(client, browser, name)
        figures["notebook_seconds"] = measure_notebook(client, name)
        figures |= measure_function(client, name, rounds)
        figures["token_check_ms"] = measure_token_check(client, name, authority, rounds)
        figures["many_seconds"] = measure_many(client, browser, name, 5 if options.quick else 50)
        figures["controllers_mib"] = memory_mib(client)
    figures = {name: round(value, 3) for name, value in figures.items()}
    reference = {"reference_ms": figures.pop("reference_ms")}
    return finish(figures, BOUNDS, reference=reference, output=options.output, quick=options.quick)


if __name__ == "__main__":
    sys.exit(main())
