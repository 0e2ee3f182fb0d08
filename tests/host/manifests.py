"""Manifests that need no image besides the cluster's own: CoreDNS serves /health on 8080."""

from __future__ import annotations

from typing import Any

TOOLS = "lab.local/kube/tools:1"
COREDNS = "lab.local/kube/coredns:v1.12.4"


def server_config() -> dict[str, Any]:
    """Configuration of the little server."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "server"},
        "data": {"Corefile": ".:5353 {\n    health\n    whoami\n}\n"},
    }


def server_pod(*, labels: dict[str, str], host_port: int | None = None) -> dict[str, Any]:
    """Template of a pod that answers OK on port 8080."""
    port: dict[str, Any] = {"containerPort": 8080}
    if host_port:
        port["hostPort"] = host_port
    return {
        "metadata": {"labels": labels},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "server",
                    "image": COREDNS,
                    "imagePullPolicy": "Never",
                    "args": ["-conf", "/config/Corefile"],
                    "ports": [port],
                    "readinessProbe": {
                        "httpGet": {"path": "/health", "port": 8080},
                        "periodSeconds": 1,
                    },
                    "volumeMounts": [{"name": "config", "mountPath": "/config"}],
                }
            ],
            "volumes": [{"name": "config", "configMap": {"name": "server"}}],
        },
    }


def pod(name: str, template: dict[str, Any]) -> dict[str, Any]:
    """A bare pod from a template."""
    metadata = {**template["metadata"], "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def service(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """A Service on port 80."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    }


def caller_pod(name: str, url: str, *, labels: dict[str, str] | None = None) -> dict[str, Any]:
    """A pod that is Ready once it reaches a host and port of the cluster.

    The cluster's own images have no HTTP client; the API server's proxy is not the pod's network.
    kubectl is in the binary of each: with --server it calls any address and prints what came.
    """
    host = url.split("/")[0]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "caller",
                    "image": "lab.local/kube/kube-apiserver:v1.34.4",
                    "imagePullPolicy": "Never",
                    "env": [{"name": "HOME", "value": "/tmp"}],
                    "command": ["sh", "-c"],
                    "args": [
                        f"for i in 1 2 3 4 5 6 7 8 9 10; do "
                        f"/usr/local/bin/kube kubectl --server=http://{host} --request-timeout=3s "
                        f"get --raw /health && exit 0; sleep 1; done; exit 1"
                    ],
                }
            ],
        },
    }


def tools_pod(name: str, script: str, claim: str) -> dict[str, Any]:
    """A pod that runs a shell script with a volume at /data."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsUser": 1000770000, "runAsGroup": 0},
            "containers": [
                {
                    "name": "tools",
                    "image": TOOLS,
                    "imagePullPolicy": "Never",
                    "command": ["sh", "-ec", script],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}],
        },
    }


def claim(name: str) -> dict[str, Any]:
    """A volume of the default storage class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
