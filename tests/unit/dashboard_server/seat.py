"""What the dashboard's tests start from: two seats, four accounts, a catalogue, and a browser."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from memory_api import Account, MemoryApi, serving
from memory_cluster import MemoryCluster

from dashboard.api.application import create_application
from dashboard.catalogue import Catalogue
from dashboard.cluster import Cluster
from dashboard.pipelines_api import PipelinesApi
from dashboard.settings import read_settings

LISTED = frozenset(
    {"namespaces", "imagestreams", "templates", "storageclasses", "nodes", "rolebindings"}
)
ACCOUNTS = {
    "ann": Account("ann", {"mnist": "admin"}),
    "bob": Account("bob", {"other": "admin"}),
    "carl": Account("carl", {"mnist": "edit"}),
    "root": Account("root", cluster=True),
    "own": Account("system:serviceaccount:apps:rhods-dashboard", lists=LISTED),
}
APPS = "redhat-ods-applications"
SIZE = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "4Gi"}}
SIZES = [
    {"name": "Small", "resources": SIZE},
    {"name": "Medium", "resources": {**SIZE, "limits": {"cpu": "4", "memory": "8Gi"}}},
]
DASHBOARD = {"opendatahub.io/dashboard": "true"}


def thing(api_version: str, kind: str, name: str, namespace: str = "mnist", **more: Any) -> Any:
    """An object."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    for key in ("labels", "annotations"):
        if key in more:
            metadata[key] = more.pop(key)
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}


def namespace(name: str, **labels: str) -> Any:
    """A seat's namespace."""
    shown = {"openshift.io/display-name": f"Seat {name}", "openshift.io/requester": "ann"}
    every = {**DASHBOARD, "modelmesh-enabled": "true", **labels}
    return thing("v1", "Namespace", name, "", labels=every, annotations=shown)


def role_binding(user: str, where: str, role: str) -> Any:
    """What makes somebody an admin or a contributor of a seat."""
    return thing(
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        f"seat-{user}",
        where,
        roleRef={"kind": "ClusterRole", "name": role},
        subjects=[{"kind": "User", "name": user}],
    )


def claim(name: str, *, phase: str = "Bound", storage_class: str = "standard") -> Any:
    """A storage of the seat."""
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": "20Gi"}},
    }
    status = {"phase": phase}
    return thing(
        "v1", "PersistentVolumeClaim", name, labels=dict(DASHBOARD), spec=spec, status=status
    )


def connection(name: str, **values: str) -> Any:
    """A data connection of the seat."""
    given = {
        "AWS_ACCESS_KEY_ID": "minio",
        "AWS_SECRET_ACCESS_KEY": "minio123",
        "AWS_S3_ENDPOINT": "http://127.0.0.1:9",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_S3_BUCKET": "rhods",
        **values,
    }
    return thing(
        "v1",
        "Secret",
        f"aws-connection-{name}",
        labels={**DASHBOARD, "opendatahub.io/managed": "true"},
        annotations={
            "openshift.io/display-name": name,
            "opendatahub.io/connection-type": "s3",
        },
        type="Opaque",
        stringData=given,
    )


def image_stream() -> Any:
    """The workbench image."""
    software = json.dumps([{"name": "TensorFlow", "version": "2.21"}])
    tags = [
        {
            "name": version,
            "annotations": {
                "opendatahub.io/workbench-image-recommended": "true",
                "opendatahub.io/notebook-software": software,
            },
        }
        for version in ("1.0", "1.10")
    ]
    return thing(
        "image.openshift.io/v1",
        "ImageStream",
        "mnist-workbench",
        APPS,
        labels={**DASHBOARD, "opendatahub.io/notebook-image": "true"},
        annotations={"opendatahub.io/notebook-image-name": "Custom Datascience Notebook"},
        spec={"tags": tags},
        status={"dockerImageRepository": f"registry:5000/{APPS}/mnist-workbench"},
    )


def template(name: str = "mnist-model-server", *, single: bool = False) -> Any:
    """A serving runtime's Template."""
    runtime = {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": name, "annotations": {"openshift.io/display-name": "Model server"}},
        "spec": {
            "multiModel": not single,
            "supportedModelFormats": [{"name": "onnx", "version": "1", "autoSelect": True}],
            "containers": [{"name": "mlserver", "image": "mlserver"}],
        },
    }
    platforms = json.dumps(["single" if single else "multi"])
    return thing(
        "template.openshift.io/v1",
        "Template",
        name,
        APPS,
        labels=dict(DASHBOARD),
        annotations={"opendatahub.io/modelServingSupport": platforms},
        objects=[runtime],
    )


def storage_class() -> Any:
    """The cluster's one class, whose volumes can grow."""
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    return thing(
        "storage.k8s.io/v1",
        "StorageClass",
        "standard",
        "",
        annotations=default,
        allowVolumeExpansion=True,
    )


def fill(cluster: Any) -> None:
    """Two seats, one as the lab prepares it, and what the platform offers."""
    for name in ("mnist", "other"):
        cluster.add(namespace(name))
    for user, account in ACCOUNTS.items():
        for where, role in account.roles.items():
            cluster.add(role_binding(user, where, role))
    cluster.add(thing("v1", "Namespace", "kube-system", ""))
    part = {"app.kubernetes.io/part-of": "lab-platform"}
    cluster.add(thing("v1", "Namespace", "lab-platform", "", labels=part))
    cluster.add(claim("notebook"))
    cluster._store(connection("s3-creds"))
    cluster.add(image_stream())
    cluster.add(template())
    cluster.add(template("mnist-single", single=True))
    made = storage_class()
    cluster.objects[("StorageClass", "", "standard")] = made


@dataclass
class Dashboard:
    """A dashboard that is served, and the API server behind it."""

    address: str
    api: MemoryApi
    application: FastAPI
    static: Path

    def begin(self) -> None:
        """Begin anew with an empty cluster; what was remembered of the old one is forgotten."""
        self.api.cluster = MemoryCluster()
        self.api.accounts = dict(ACCOUNTS)
        self.api.asked.clear()
        self.api.broken.clear()
        self.application.state.catalogue._kept.clear()
        self.application.state.reviews.forget()


@contextlib.contextmanager
def open_dashboard(api: MemoryApi, static: Path) -> Iterator[Dashboard]:
    """Serve the dashboard over an API server."""
    settings = read_settings(
        {
            "DASHBOARD_SIZES": json.dumps(SIZES),
            "DASHBOARD_MODEL_SIZES": json.dumps(SIZES),
            "DASHBOARD_STATIC": str(static),
        }
    )
    with serving(api.application()) as server:
        cluster = Cluster(server)
        catalogue = Catalogue(cluster, settings, lambda: "own")
        application = create_application(settings, cluster, catalogue, PipelinesApi())
        with serving(application) as address:
            yield Dashboard(address, api, application, static)


class Page:
    """A browser on the dashboard, behind the token proxy, as whoever has a token."""

    def __init__(self, address: str, token: str) -> None:
        self.client = httpx.Client(
            base_url=address,
            headers={
                "x-forwarded-access-token": token,
                "x-forwarded-user": token,
                "sec-fetch-site": "same-origin",
            },
            timeout=20,
        )

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, path: str, **query: str) -> Any:
        """What a question answers."""
        return answered(self.client.get(f"/api{path}", params=query))

    def write(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        """Send a form."""
        return self.client.request(method, f"/api{path}", json=body or {}, params=query)

    def post(self, path: str, body: Any = None, **query: str) -> Any:
        """Send a form that is to be taken."""
        return answered(self.write("POST", path, body, **query))

    def put(self, path: str, body: Any = None, **query: str) -> Any:
        """Send a changed form that is to be taken."""
        return answered(self.write("PUT", path, body, **query))

    def delete(self, path: str) -> Any:
        """Delete something that is there."""
        return answered(self.write("DELETE", path))


def answered(response: httpx.Response) -> Any:
    """The body of a good answer."""
    assert response.status_code < 300, response.text
    return response.json()


def bench_form(**changes: Any) -> dict[str, Any]:
    """A workbench's form as the lab's text has it filled in."""
    return {
        "displayName": "My bench",
        "description": "for digits",
        "image": {"stream": "mnist-workbench", "tag": "1.0"},
        "size": "Small",
        "variables": [],
        "storage": {"mode": "existing", "name": "notebook"},
        "connection": {"mode": "existing", "name": "aws-connection-s3-creds"},
        **changes,
    }


def connection_form(**changes: Any) -> dict[str, Any]:
    """A data connection's form."""
    return {
        "displayName": "My store",
        "accessKey": "minio",
        "secretKey": "minio123",
        "endpoint": "http://127.0.0.1:9",
        "region": "us-east-1",
        "bucket": "rhods",
        "workbenches": [],
        **changes,
    }
