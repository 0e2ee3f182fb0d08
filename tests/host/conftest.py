"""The machine, and the cluster on it as a person with its kubeconfig sees it."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]
KUBECTL = "/opt/mnist-lab/bin/kubectl"
TOOLS = "lab.local/kube/tools:1"
COREDNS = "lab.local/kube/coredns:v1.12.4"


@pytest.fixture(scope="session")
def kubectl() -> Callable[..., str]:
    """Run kubectl with this checkout's kubeconfig; the error is shown when it fails."""

    def run(*words: str, stdin: str = "", timeout: int = 150) -> str:
        done = subprocess.run(
            [KUBECTL, f"--kubeconfig={PROJECT}/.lab/kubeconfig", *words],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    return run


@pytest.fixture
def namespace(kubectl: Callable[..., str]) -> Iterator[str]:
    """A namespace of the test's own."""
    name = f"host-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def apply(kubectl: Callable[..., str], namespace: str) -> Callable[..., None]:
    """Apply manifests in the namespace."""

    def run(*manifests: dict[str, Any]) -> None:
        document = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        kubectl("-n", namespace, "apply", "-f", "-", stdin=document)

    return run
