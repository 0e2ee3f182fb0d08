"""What "Create workbench" makes: the Notebook, its storage and variables, as upstream's form does.

Where this differs from upstream's (columns M, 2.16 and 2.25), the reason stands beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.objects.common import DASHBOARD, metadata, translated_user
from dashboard.settings import Size
from dashboard.validation import WORKING_DIRECTORY
from lab_ground.kubernetes.manifest import Manifest

STOPPED = "kubeflow-resource-stopped"
RUNTIME_SECRET = "ds-pipeline-config"  # noqa: S105 - a Secret's name
RUNTIME_VOLUME = "elyra-dsp-details"
RUNTIME_PATH = "/opt/app-root/runtimes"
IMAGE_SELECTION = "notebooks.opendatahub.io/last-image-selection"
SIZE_SELECTION = "notebooks.opendatahub.io/last-size-selection"
ACCELERATOR = "opendatahub.io/accelerator-name"
TOLERATION = {"key": "NotebooksOnly", "operator": "Exists", "effect": "NoSchedule"}
CONFIGURATION_KINDS = {"secret": "secretRef", "configmap": "configMapRef"}


@dataclass(frozen=True)
class Mount:
    """A claim and where it is mounted."""

    claim: str
    path: str = WORKING_DIRECTORY


@dataclass(frozen=True)
class Workbench:
    """All that a Notebook is made of. ``env_from`` holds entries of a container's envFrom."""

    namespace: str
    name: str
    display: str
    description: str
    user: str
    image: str
    selection: str
    image_display: str
    size: Size
    origin: str
    mounts: Sequence[Mount]
    env_from: Sequence[Mapping[str, Any]] = ()
    accelerator: tuple[str, int] | None = None
    pull_policy: str = "Always"
    runtime: bool = False
    login: str = "inject-oauth"
    tolerations: Sequence[Mapping[str, Any]] = field(default_factory=lambda: [TOLERATION])


def build_notebook(bench: Workbench) -> Manifest:
    """The Notebook."""
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "Notebook",
        "metadata": metadata(
            bench.namespace,
            bench.name,
            bench.display,
            bench.description,
            labels={
                "app": bench.name,
                "opendatahub.io/odh-managed": "true",
                "opendatahub.io/user": translated_user(bench.user),
            },
            annotations={
                f"notebooks.opendatahub.io/{bench.login}": "true",
                IMAGE_SELECTION: bench.selection,
                SIZE_SELECTION: bench.size.name,
                "notebooks.opendatahub.io/oauth-logout-url": (
                    f"{bench.origin}/projects/{bench.namespace}?notebookLogout={bench.name}"
                ),
                "opendatahub.io/username": bench.user,
                "opendatahub.io/image-display-name": bench.image_display,
                ACCELERATOR: bench.accelerator[0] if bench.accelerator else "",
            },
        ),
        "spec": {"template": {"spec": build_pod(bench)}},
    }


def build_pod(bench: Workbench) -> Manifest:
    """The pod's specification."""
    volumes = [
        {"name": mount.claim, "persistentVolumeClaim": {"claimName": mount.claim}}
        for mount in bench.mounts
    ]
    if bench.runtime:
        # Optional, which upstream's is not: a workbench starts also when the server has gone.
        source = {"secretName": RUNTIME_SECRET, "optional": True}
        volumes.append({"name": RUNTIME_VOLUME, "secret": source})
    volumes.append({"name": "shm", "emptyDir": {"medium": "Memory"}})
    return {
        "affinity": {},
        "enableServiceLinks": False,
        "containers": [build_container(bench)],
        "volumes": volumes,
        "tolerations": [dict(toleration) for toleration in bench.tolerations],
    }


def build_container(bench: Workbench) -> Manifest:
    """The one container, named as the workbench."""
    base = f"/notebook/{bench.namespace}/{bench.name}"
    mounts = [{"name": mount.claim, "mountPath": mount.path} for mount in bench.mounts]
    if bench.runtime:
        mounts.append({"name": RUNTIME_VOLUME, "mountPath": RUNTIME_PATH})
    mounts.append({"name": "shm", "mountPath": "/dev/shm"})  # noqa: S108 - a volume of its own
    return {
        "name": bench.name,
        "image": bench.image,
        "imagePullPolicy": bench.pull_policy,
        "workingDir": WORKING_DIRECTORY,
        "env": [
            {"name": "NOTEBOOK_ARGS", "value": notebook_arguments(bench, base)},
            {"name": "JUPYTER_IMAGE", "value": bench.image},
        ],
        "envFrom": [dict(entry) for entry in bench.env_from],
        "ports": [{"name": "notebook-port", "containerPort": 8888, "protocol": "TCP"}],
        "resources": build_resources(bench.size, bench.accelerator),
        "livenessProbe": build_probe(base, failures=36),
        "readinessProbe": build_probe(base, failures=3),
        "volumeMounts": mounts,
    }


def notebook_arguments(bench: Workbench, base: str) -> str:
    """JupyterLab's options, one a line."""
    hub = {
        "user": bench.user,
        "hub_host": bench.origin,
        "hub_prefix": f"/projects/{bench.namespace}",
    }
    return "\n".join(
        (
            "--ServerApp.port=8888",
            "--ServerApp.token=''",
            "--ServerApp.password=''",
            f"--ServerApp.base_url={base}",
            "--ServerApp.quit_button=False",
            f"--ServerApp.tornado_settings={json.dumps(hub, separators=(',', ':'))}",
        )
    )


def build_probe(base: str, *, failures: int) -> Manifest:
    """A probe of JupyterLab.

    Upstream waits for 1 s and gives up after three: a slow workbench on a small node would be
    started again and again. These are the lab's own figures.
    """
    return {
        "httpGet": {"path": f"{base}/api", "port": "notebook-port", "scheme": "HTTP"},
        "initialDelaySeconds": 10,
        "periodSeconds": 5,
        "timeoutSeconds": 5,
        "successThreshold": 1,
        "failureThreshold": failures,
    }


def build_resources(size: Size, accelerator: tuple[str, int] | None = None) -> Manifest:
    """Requests and limits; accelerators are in both."""
    more = {accelerator[0]: str(accelerator[1])} if accelerator else {}
    return {"requests": {**size.requests, **more}, "limits": {**size.limits, **more}}


def build_variables(namespace: str, kind: str, name: str, values: Mapping[str, str]) -> Manifest:
    """The Secret or ConfigMap of one group of variables."""
    content: Manifest = (
        {"type": "Opaque", "stringData": dict(values)}
        if kind == "secret"
        else {"data": dict(values)}
    )
    return {
        "apiVersion": "v1",
        "kind": "Secret" if kind == "secret" else "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(DASHBOARD)},
        **content,
    }


def env_from(kind: str, name: str, *, optional: bool = False) -> Manifest:
    """An entry of a container's envFrom."""
    reference: Manifest = {"name": name, **({"optional": True} if optional else {})}
    return {CONFIGURATION_KINDS[kind]: reference}


def build_pipeline_binding(namespace: str, notebook: str, application: str) -> Manifest:
    """What lets the workbench's account use a pipeline server.

    The notebook controller itself binds only to a server that is called ``dspa``.
    """
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {
            "name": f"{notebook}-{application}",
            "namespace": namespace,
            "labels": dict(DASHBOARD),
        },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "Role",
            "name": f"ds-pipeline-user-access-{application}",
        },
        "subjects": [{"kind": "ServiceAccount", "name": notebook, "namespace": namespace}],
    }
