"""The cluster does what a Kubernetes does, seen from pods and from the machine."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .manifests import (
    caller_pod,
    claim,
    pod,
    server_config,
    server_pod,
    service,
    tools_pod,
)

Kubectl = Callable[..., str]
WEB = {"app": "web"}
CLAIMS = Path("/run/mnist-lab/network-policy")


@pytest.mark.parametrize("port", [80, 443, 9000])
def test_an_address_of_no_service_is_refused(port: int) -> None:
    """By the default route it would leave the machine, and who answers there would be believed."""
    with socket.socket() as sock:
        sock.settimeout(5)
        assert sock.connect_ex(("10.96.200.201", port)) == errno.ECONNREFUSED


def succeeded(kubectl: Kubectl, namespace: str, name: str) -> None:
    """Wait until a pod has ended well; show its log otherwise."""
    try:
        kubectl(
            "-n", namespace, "wait", f"pod/{name}", "--timeout=90s",
            "--for=jsonpath={.status.phase}=Succeeded",
        )  # fmt: skip
    except AssertionError:
        print(kubectl("-n", namespace, "describe", "pod", name))
        print(kubectl("-n", namespace, "logs", name))
        raise


def deployment(replicas: int) -> dict[str, Any]:
    """The little server, several times."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": WEB},
            "template": server_pod(labels=WEB),
        },
    }


def test_the_node_is_ready(kubectl: Kubectl) -> None:
    node = json.loads(kubectl("get", "node", "mnist-lab", "-o", "json"))
    conditions = {c["type"]: c["status"] for c in node["status"]["conditions"]}
    assert conditions["Ready"] == "True", node["status"]["conditions"]
    assert node["status"]["nodeInfo"]["kubeletVersion"] == "v1.34.4"
    assert "taints" not in node["spec"]


def test_there_is_one_default_storage_class(kubectl: Kubectl) -> None:
    items = json.loads(kubectl("get", "storageclass", "-o", "json"))["items"]
    mark = "storageclass.kubernetes.io/is-default-class"
    default = [i["metadata"]["name"] for i in items if i["metadata"]["annotations"].get(mark)]
    assert default == ["local-path"]


def test_a_pods_start_and_end_give_the_machine_no_address(
    kubectl: Kubectl, namespace: str, apply: Callable[..., None]
) -> None:
    """A browser on this machine gives up what it loads whenever an address comes or goes."""
    watch = subprocess.Popen(["ip", "monitor", "address"], stdout=subprocess.PIPE, text=True)
    apply(server_config(), pod("short", server_pod(labels=WEB)))
    kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod/short", "--timeout=90s")
    # Longer than the kernel takes to find an address of its own free: at most 1 s, then 1 s.
    time.sleep(2.5)
    (link,) = (
        claim["interface"]
        for claim in map(json.loads, (path.read_text() for path in CLAIMS.glob("*.json")))
        if (claim["namespace"], claim["name"]) == (namespace, "short")
    )
    kubectl("-n", namespace, "delete", "pod", "short", "--wait=true")
    watch.terminate()
    seen, _ = watch.communicate(timeout=10)
    # One that goes while it is tentative was never there to anybody who listens.
    told = [line for line in seen.splitlines() if f"{link} " in line and "tentative" not in line]
    assert not told, seen


def test_two_replicas_answer_by_their_dns_name(
    kubectl: Kubectl, namespace: str, apply: Callable[..., None]
) -> None:
    apply(server_config(), deployment(2), service("web", WEB))
    kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=90s")
    apply(caller_pod("caller", f"web.{namespace}.svc.cluster.local"))
    succeeded(kubectl, namespace, "caller")
    assert kubectl("-n", namespace, "logs", "caller").strip().endswith("OK")


def test_a_volume_keeps_its_data_over_a_pods_death(
    kubectl: Kubectl, namespace: str, apply: Callable[..., None]
) -> None:
    apply(claim("data"), tools_pod("writer", "echo kept > /data/file", "data"))
    succeeded(kubectl, namespace, "writer")
    kubectl("-n", namespace, "delete", "pod", "writer")
    apply(tools_pod("reader", "cat /data/file", "data"))
    succeeded(kubectl, namespace, "reader")
    assert kubectl("-n", namespace, "logs", "reader").strip() == "kept"
    phase = "jsonpath={.status.phase}"
    assert kubectl("-n", namespace, "get", "pvc", "data", "-o", phase) == "Bound"


@pytest.mark.parametrize("address", ["127.0.0.1", "10.245.0.1"])
def test_a_host_port_is_reached_from_the_machine(
    address: str, kubectl: Kubectl, namespace: str, apply: Callable[..., None]
) -> None:
    port = 18088 if address == "127.0.0.1" else 18089
    apply(server_config(), pod("web", server_pod(labels=WEB, host_port=port)))
    kubectl("-n", namespace, "wait", "pod/web", "--for=condition=Ready", "--timeout=90s")
    with urllib.request.urlopen(f"http://{address}:{port}/health", timeout=5) as answer:
        assert answer.read() == b"OK"


def test_a_network_policy_holds(
    kubectl: Kubectl, namespace: str, apply: Callable[..., None]
) -> None:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "web"},
        "spec": {
            "podSelector": {"matchLabels": WEB},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"podSelector": {"matchLabels": {"role": "friend"}}}],
                    "ports": [{"port": 8080}],
                }
            ],
        },
    }
    apply(server_config(), deployment(1), service("web", WEB), policy)
    kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=90s")
    host = f"web.{namespace}.svc.cluster.local"
    apply(
        caller_pod("friend", host, labels={"role": "friend"}),
        caller_pod("stranger", host, labels={"role": "stranger"}),
    )
    succeeded(kubectl, namespace, "friend")
    kubectl(
        "-n", namespace, "wait", "pod/stranger", "--timeout=90s",
        "--for=jsonpath={.status.phase}=Failed",
    )  # fmt: skip


def test_dns_takes_names_of_others(kubectl: Kubectl) -> None:
    """The Deployment reads server blocks from the ConfigMap coredns-custom, where there is one."""
    spec = json.loads(kubectl("-n", "kube-system", "get", "deployment", "coredns", "-o", "json"))
    volumes = {v["name"]: v for v in spec["spec"]["template"]["spec"]["volumes"]}
    assert volumes["custom"]["configMap"] == {
        "name": "coredns-custom",
        "optional": True,
        "defaultMode": 420,
    }
    corefile = kubectl(
        "-n", "kube-system", "get", "configmap", "coredns", "-o", "jsonpath={.data.Corefile}"
    )
    assert "import /etc/coredns/custom/*.server" in corefile
