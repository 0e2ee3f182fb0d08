"""Who may not reach the server: pods that are no part of it, and pages of other sites."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pipeline_project import NAME, PipelineServer
from sdk_pipelines.constructs import IMAGE

from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster

PLAIN_PORTS = ("8887", "8888")
LOGIN_PORT = "8443"
# Tries every port until one that shall be open is, and says which answered.
PROBE = """
import json, socket, sys, time

host, wanted, ports = sys.argv[1], sys.argv[2], sys.argv[3:]
deadline = time.monotonic() + 30
while True:
    found = {}
    for port in ports:
        try:
            socket.create_connection((host, int(port)), timeout=3).close()
            found[port] = True
        except OSError:
            found[port] = False
    if found[wanted] or time.monotonic() > deadline:
        break
    time.sleep(1)
print(json.dumps(found))
"""


def probe(
    server: PipelineServer, name: str, labels: dict[str, str], wanted: str
) -> dict[str, bool]:
    """Which of the server's ports a pod with these labels can open."""
    kubernetes, namespace = server.kubernetes, server.namespace
    host = f"ds-pipeline-{NAME}.{namespace}.svc.cluster.local"
    container: dict[str, Any] = {
        "name": "probe",
        "image": IMAGE,
        "command": ["python3", "-c", PROBE, host, wanted, LOGIN_PORT, *PLAIN_PORTS],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "securityContext": security, "containers": [container]}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    kubernetes.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    try:

        def ended() -> bool:
            pod = kubernetes.get("v1", "Pod", name, namespace) or {}
            return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}

        wait_for(ended, 120, f"{name} does not end")
        path = kubernetes.path("v1", "Pod", namespace, name, "log")
        log = str(kubernetes.request("GET", path, accept="text/plain, */*"))
        found: dict[str, bool] = json.loads(log.strip().splitlines()[-1])
        return found
    finally:
        kubernetes.delete("v1", "Pod", name, namespace)


def test_a_pod_without_labels_reaches_the_login_only(server: PipelineServer) -> None:
    found = probe(server, "stranger", {}, LOGIN_PORT)
    assert found == {LOGIN_PORT: True, **dict.fromkeys(PLAIN_PORTS, False)}


def test_a_workbench_reaches_the_api(server: PipelineServer) -> None:
    labels = {"opendatahub.io/workbenches": "true"}
    found = probe(server, "workbench", labels, PLAIN_PORTS[0])
    assert found == dict.fromkeys((LOGIN_PORT, *PLAIN_PORTS), True)


@pytest.mark.parametrize(("site", "status"), [("cross-site", 403), ("same-origin", 404)])
def test_a_page_of_another_site_changes_nothing(
    server: PipelineServer, site: str, status: int
) -> None:
    path = "/apis/v2beta1/runs/nobody:terminate"
    reply = server.request("POST", path, headers={"Sec-Fetch-Site": site})
    assert reply.status_code == status, reply.text
