"""Which changes ask for a look at a workbench."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import kopf

from controllers.notebook.reconcile import NOTEBOOK, USER_ROLE, reconcile_notebook
from lab_ground.kubernetes import client as kubernetes
from lab_ground.kubernetes.reconciler import Key, Reconciler
from lab_ground.kubernetes.watching import label_key, owner_key, watch
from lab_ground.settings import get_settings


def reconcile_namespace(_: str, namespace: str) -> float | None:
    """After a pipeline server's role came or went: every workbench beside it."""
    for notebook in kubernetes.get_client().list_objects(*NOTEBOOK, namespace):
        notebooks.enqueue(namespace, notebook["metadata"]["name"])
    return None


def _namespace_key(manifest: Mapping[str, Any]) -> Key | None:
    return "", manifest["metadata"]["namespace"]


def _http_route_key(manifest: Mapping[str, Any]) -> Key | None:
    labels = manifest["metadata"]["labels"]
    return labels["notebook-namespace"], labels["notebook-name"]


notebooks = Reconciler("notebook", reconcile_notebook, workers=4)
namespaces = Reconciler("notebook-roles", reconcile_namespace, workers=1)

watch(notebooks, "kubeflow.org", "v1", "notebooks")
watch(
    notebooks,
    "apps",
    "v1",
    "statefulsets",
    key=owner_key("Notebook"),
    labels={"notebook-name": kopf.PRESENT},
)
watch(
    notebooks,
    "",
    "v1",
    "pods",
    key=label_key("notebook-name"),
    labels={"opendatahub.io/workbenches": "true", "notebook-name": kopf.PRESENT},
)
for _group, _plural in (
    ("", "services"),
    ("", "secrets"),
    ("", "serviceaccounts"),
    ("route.openshift.io", "routes"),
    ("networking.k8s.io", "networkpolicies"),
    ("rbac.authorization.k8s.io", "rolebindings"),
):
    watch(
        notebooks,
        _group,
        "v1",
        _plural,
        key=owner_key("Notebook"),
        delay=0.2,
        labels={"notebook-name": kopf.PRESENT},
    )
if get_settings().plays_since("3.0"):
    watch(
        notebooks,
        "gateway.networking.k8s.io",
        "v1",
        "httproutes",
        key=_http_route_key,
        delay=0.2,
        labels={"notebook-name": kopf.PRESENT, "notebook-namespace": kopf.PRESENT},
    )
watch(
    namespaces,
    "rbac.authorization.k8s.io",
    "v1",
    "roles",
    key=_namespace_key,
    when=lambda name, **_: str(name).startswith(USER_ROLE),
)
