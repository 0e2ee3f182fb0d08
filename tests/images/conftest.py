"""Each image once as a pod, under what OpenShift's restricted-v2 and Pod Security ask for."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from lab_ground.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = f"images-test-{os.getpid()}"
PULL_SECONDS = 240


@pytest.fixture(scope="session")
def core() -> client.CoreV1Api:
    """The cluster's API."""
    config.load_kube_config(os.environ.get("KUBECONFIG") or str(ROOT / ".lab" / "kubeconfig"))
    return client.CoreV1Api()


@pytest.fixture(scope="session")
def namespace(core: client.CoreV1Api) -> Iterator[str]:
    """A namespace that takes only pods which are as restricted as can be."""
    core.create_namespace(
        {
            "metadata": {
                "name": NAMESPACE,
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
            }
        }
    )
    wait_for(lambda: has_service_account(core), 60, "the namespace's service account")
    yield NAMESPACE
    core.delete_namespace(NAMESPACE)


@pytest.fixture(scope="session")
def built() -> dict[str, dict[str, Any]]:
    """What the build wrote down about each image."""
    return dict(json.loads((ROOT / ".lab" / "images.json").read_text()))


@pytest.fixture(scope="session")
def catalogue() -> dict[str, dict[str, Any]]:
    """The images as the role lists them."""
    variables = yaml.safe_load((ROOT / "roles/lab_images/vars/main.yml").read_text())
    return {image["name"]: image for image in variables["__lab_images_cpu"]}


@pytest.fixture(scope="session")
def run_pod(
    core: client.CoreV1Api, namespace: str, built: dict[str, dict[str, Any]]
) -> Iterator[Callable[..., str]]:
    """Run a command in an image under a random UID; return its log, or fail with it."""
    made: list[str] = []

    def run(
        image: str,
        command: list[str],
        timeout: float = 180,
        writable: bool = False,
        **environment: str,
    ) -> str:
        name = f"{image}-{len(made)}"
        made.append(name)
        pod = restricted_pod(name, built[image]["reference"], command, environment)
        if writable:
            pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] = False
        core.create_namespaced_pod(namespace, pod)
        try:
            wait_for(
                lambda: (
                    core.read_namespaced_pod(name, namespace).status.phase
                    in ("Succeeded", "Failed")
                ),
                timeout,
                f"pod {name}",
            )
        finally:
            pod = core.read_namespaced_pod(name, namespace)
            log = ""
            if pod.status.phase != "Pending":
                log = core.read_namespaced_pod_log(name, namespace)
            print(f"--- {name}: {pod.status.phase}\n{log[-3000:]}")
        assert pod.status.phase == "Succeeded", f"{name} {pod.status.phase}: {log[-2000:]}"
        return log

    yield run
    for name in made:
        core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def restricted_pod(
    name: str, image: str, command: list[str], environment: dict[str, str]
) -> dict[str, Any]:
    """Return a pod with a UID that no image knows, a read-only root and no capability."""
    uid = random.randint(1_000_600_000, 1_000_699_999)  # as OpenShift picks them
    return {
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {
                "runAsUser": uid,
                "runAsGroup": 0,
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "main",
                    "image": image,
                    "imagePullPolicy": "Never",
                    "command": command,
                    "env": [{"name": key, "value": value} for key, value in environment.items()],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }


def has_service_account(core: client.CoreV1Api) -> bool:
    """Tell whether pods can be made in the namespace already."""
    accounts = core.list_namespaced_service_account(NAMESPACE).items
    return any(account.metadata.name == "default" for account in accounts)
