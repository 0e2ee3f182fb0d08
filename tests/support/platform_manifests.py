"""Small manifests for tests of the platform."""

from __future__ import annotations

from typing import Any

from lab_ground.kubernetes.manifest import Manifest


def route(
    name: str,
    *,
    namespace: str = "mnist",
    to: str | None = None,
    created: str = "2026-01-01T00:00:00Z",
    **spec: Any,
) -> Manifest:
    """A Route to the Service of the same name."""
    return {
        "apiVersion": "route.openshift.io/v1",
        "kind": "Route",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"{namespace}-{name}",
            "creationTimestamp": created,
        },
        "spec": {"to": {"kind": "Service", "name": to or name}, **spec},
    }


def service(
    service_name: str,
    *,
    namespace: str = "mnist",
    port: int = 80,
    cluster_ip: str = "10.96.0.10",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    name: str = "http",
) -> Manifest:
    """A Service of one port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": service_name,
            "namespace": namespace,
            "labels": labels or {},
            "annotations": annotations or {},
        },
        "spec": {
            "clusterIP": cluster_ip,
            "selector": {"app": service_name},
            "ports": [{"name": name, "port": port, "targetPort": 8080}],
        },
    }


def notebook(
    name: str = "notebook",
    *,
    namespace: str = "mnist",
    annotations: dict[str, str] | None = None,
    image: str = "registry/workbench:1.0",
    **pod: Any,
) -> Manifest:
    """A Notebook of one container."""
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Notebook",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-of-{name}",
            "annotations": annotations or {},
        },
        "spec": {"template": {"spec": {"containers": [{"name": name, "image": image}], **pod}}},
    }


def workbench(
    name: str, namespace: str, image: str, *, arguments: str = "", **container: Any
) -> Manifest:
    """A Notebook with JupyterLab behind the login, as the dashboard makes it but smaller."""
    base = workbench_path(name, namespace)
    words = (
        "--ServerApp.port=8888 --ServerApp.token='' --ServerApp.password='' "
        f"--ServerApp.base_url={base} {arguments}"
    )
    lab = {
        "name": name,
        "image": image,
        "env": [{"name": "NOTEBOOK_ARGS", "value": words}],
        "readinessProbe": {
            "httpGet": {"path": f"{base}/api", "port": 8888},
            "periodSeconds": 1,
        },
        "volumeMounts": [{"name": "home", "mountPath": "/opt/app-root/src"}],
        **container,
    }
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Notebook",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {"notebooks.opendatahub.io/inject-oauth": "true"},
        },
        "spec": {
            "template": {
                "spec": {
                    "serviceAccountName": name,
                    "containers": [lab],
                    "volumes": [{"name": "home", "emptyDir": {}}],
                }
            }
        },
    }


def workbench_path(name: str, namespace: str) -> str:
    """Where a workbench's server is behind its host, as the dashboard has it."""
    return f"/notebook/{namespace}/{name}"


def function(
    name: str = "fn",
    *,
    namespace: str = "mnist",
    annotations: dict[str, str] | None = None,
    generation: int = 1,
    **pod: Any,
) -> Manifest:
    """A Knative Service of one container."""
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-of-{name}",
            "generation": generation,
        },
        "spec": {
            "template": {
                "metadata": {"annotations": annotations or {}},
                "spec": {"containers": [{"image": "registry/function:1.0"}], **pod},
            }
        },
    }
