"""The workbench's pod: its image, what the lab adds to it, and the StatefulSet that keeps it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from controllers.notebook import runtime_images
from controllers.notebook.build.basics import (
    PORT,
    InvalidNotebookError,
    connections_of,
    has_login,
    identity,
    is_stopped,
    metadata,
)
from controllers.notebook.build.login import add_proxy
from controllers.serving_certificate.build.objects import PROJECT_BUNDLE
from lab_ground.kubernetes.manifest import Manifest
from lab_ground.kubernetes.metadata import restricted_pod_security_context
from lab_ground.settings import get_settings

IMAGE_SELECTION = "notebooks.opendatahub.io/last-image-selection"
BUNDLE_VOLUME = "trusted-ca"
BUNDLE_FILE = "/etc/pki/tls/custom-certs/ca-bundle.crt"
# What each of the usual clients reads to know whom to trust.
BUNDLE_VARIABLES = (
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "PIPELINES_SSL_SA_CERTS",
)


def choose_image(
    image: str, selection: str | None, registry: str, stream: Mapping[str, Any] | None
) -> str:
    """Return the image behind the selected tag of an ImageStream, else the one that is given."""
    if not selection or stream is None or not image.startswith(f"{registry}/"):
        return image
    tag = selection.partition(":")[2]
    for entry in (stream.get("status") or {}).get("tags") or []:
        items = entry.get("items") or []
        if entry["tag"] == tag and items:
            return str(items[0]["dockerImageReference"])
    return image


def _main_container(
    notebook: Mapping[str, Any], containers: Iterable[Manifest], image: str
) -> Manifest:
    namespace, name = identity(notebook)
    containers = list(containers)
    main = next((c for c in containers if c["name"] == name), containers[0])
    main["image"] = image
    main.setdefault("imagePullPolicy", "IfNotPresent")
    main.setdefault("ports", [{"name": "notebook-port", "containerPort": PORT, "protocol": "TCP"}])
    environment = main.setdefault("env", [])
    known = {variable["name"] for variable in environment}
    wanted = {"NB_PREFIX": f"/notebook/{namespace}/{name}"}
    wanted |= dict.fromkeys(BUNDLE_VARIABLES, BUNDLE_FILE)
    if get_settings().plays_since("3.0"):
        wanted["KF_PIPELINES_SSL_SA_CERTS"] = BUNDLE_FILE
    environment += [
        {"name": key, "value": value} for key, value in wanted.items() if key not in known
    ]
    sources = main.setdefault("envFrom", [])
    given = {(source.get("secretRef") or {}).get("name") for source in sources}
    sources += [
        {"secretRef": {"name": secret}}
        for secret in connections_of(notebook)
        if secret not in given
    ]
    if not sources:
        del main["envFrom"]
    mounts = main.setdefault("volumeMounts", [])
    if all(mount["name"] != BUNDLE_VOLUME for mount in mounts):
        mounts.append(
            {"name": BUNDLE_VOLUME, "mountPath": BUNDLE_FILE.rpartition("/")[0], "readOnly": True}
        )
    security = main.setdefault("securityContext", {})
    security.setdefault("allowPrivilegeEscalation", False)
    security.setdefault("capabilities", {"drop": ["ALL"]})
    return main


def build_stateful_set(notebook: Mapping[str, Any], image: str) -> Manifest:
    """Build the StatefulSet of one pod, or of none while the Notebook is stopped."""
    _, name = identity(notebook)
    labels = {
        **(notebook["metadata"].get("labels") or {}),
        "statefulset": name,
        "notebook-name": name,
        "opendatahub.io/workbenches": "true",
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _with_labels_of(notebook, metadata(notebook, name)),
        "spec": {
            "replicas": 0 if is_stopped(notebook) else 1,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"statefulset": name, "notebook-name": name}},
            "template": {
                "metadata": {"labels": labels, "annotations": {}},
                "spec": _pod(notebook, image),
            },
        },
    }


def _with_labels_of(notebook: Mapping[str, Any], found: Manifest) -> Manifest:
    """A Notebook's own labels are its StatefulSet's too (notebook_controller.go)."""
    labels = notebook["metadata"].get("labels") or {}
    return {**found, "labels": {**found["labels"], **labels}}


def _pod(notebook: Mapping[str, Any], image: str) -> Manifest:
    """The pod as it was written, with the lab's authority, the runtime images and the login."""
    _, name = identity(notebook)
    spec: Manifest = copy.deepcopy(notebook["spec"]["template"]["spec"])
    containers = spec.get("containers") or []
    if not containers:
        raise InvalidNotebookError("spec.template.spec.containers is empty")
    main = _main_container(notebook, containers, image)
    if not image:
        raise InvalidNotebookError(f"container {main['name']} has no image")
    spec.setdefault("volumes", [])
    if all(volume["name"] != BUNDLE_VOLUME for volume in spec["volumes"]):
        spec["volumes"].append(
            {
                "name": BUNDLE_VOLUME,
                "configMap": {
                    "name": PROJECT_BUNDLE,
                    "optional": True,
                    "items": [{"key": "ca-bundle.crt", "path": "ca-bundle.crt"}],
                },
            }
        )
    runtime_images.add_volume(spec, main)
    spec["securityContext"] = {
        **restricted_pod_security_context(),
        **(spec.get("securityContext") or {}),
    }
    if has_login(notebook):
        spec["serviceAccountName"] = spec.get("serviceAccountName") or name
        add_proxy(notebook, spec)
    return spec
