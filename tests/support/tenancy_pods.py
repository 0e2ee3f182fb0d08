"""Pods and policies of a seat, and what its learner sees from a pod."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

from platform_cluster import STATE, container, wait_for
from tenancy_seats import Seat

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.manifest import Manifest

KUBECTL = "/opt/mnist-lab/bin/kubectl"
POLICY = ("networking.k8s.io/v1", "NetworkPolicy")

# Answers on every address of the pod, IPv6 too, and says each byte again.
ECHO = """
import socket, threading
def serve(connection):
    with connection:
        while data := connection.recv(64):
            connection.sendall(data)
server = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
"""


def pod(name: str, namespace: str, code: str, **labels: str) -> Manifest:
    """A pod of the platform's image that runs a program, as ``restricted`` allows it."""
    ready = {} if code == ECHO else {"readinessProbe": None}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name, **labels}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container(command=["python3", "-c", code], **ready)],
        },
    }


def policy(name: str, app: str, **spec: object) -> Manifest:
    """A policy that closes what of ingress and egress it does not open."""
    kinds = [kind for kind in ("Ingress", "Egress") if kind.lower() in spec]
    return {
        "apiVersion": POLICY[0],
        "kind": POLICY[1],
        "metadata": {"name": name},
        "spec": {"podSelector": {"matchLabels": {"app": app}}, "policyTypes": kinds, **spec},
    }


def execute(seat: Seat, name: str, code: str) -> str:
    """What a line of Python prints in a pod."""
    done = subprocess.run(
        [KUBECTL, f"--kubeconfig={STATE}/kubeconfig", "-n", seat.namespace, "exec", name, "--",
         "python3", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def address_of(client: KubernetesClient, name: str, namespace: str) -> str:
    """A pod's address, once it is ready."""

    def address() -> str:
        status = (client.get("v1", "Pod", name, namespace) or {}).get("status") or {}
        ready = [c["status"] for c in status.get("conditions", []) if c["type"] == "Ready"]
        return str(status.get("podIP", "")) if ready == ["True"] else ""

    return str(wait_for(address, 90, f"the pod {name}"))


def standing(client: KubernetesClient, manifest: Manifest) -> Iterator[str]:
    """Make a pod for as long as somebody uses it, and say its address."""
    client.create(manifest)
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    yield address_of(client, name, namespace)
    client.delete("v1", "Pod", name, namespace)
