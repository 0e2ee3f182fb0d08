"""Runs the launcher, and looks at what it made."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab_ground import waiting

PROJECT = Path(__file__).resolve().parents[2]
KUBECTL = "/opt/mnist-lab/bin/kubectl"


class Lab:
    """The launcher of one checkout."""

    def __init__(self, checkout: Path = PROJECT) -> None:
        """Use this checkout's launcher."""
        self.checkout = checkout

    def __call__(self, *words: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
        """Run it; both outputs are kept together."""
        return subprocess.run(
            [str(self.checkout / "lab"), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )

    def create(self, *options: str) -> tuple[int, str]:
        """Run the create playbook well; returns how many tasks changed something."""
        done = self("run", "create-cluster", *options)
        assert done.returncode == 0, done.stdout[-4000:]
        found = re.search(r"changed=(\d+)", done.stdout)
        assert found, done.stdout[-4000:]
        return int(found.group(1)), done.stdout

    def kubectl(self, *words: str) -> str:
        """Ask the cluster with this checkout's kubeconfig."""
        done = subprocess.run(
            [KUBECTL, f"--kubeconfig={self.checkout}/.lab/kubeconfig", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=150,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def lab() -> Lab:
    """This checkout's launcher."""
    return Lab()


@pytest.fixture
def wait_for() -> Callable[..., float]:
    """Wait for a condition within a time; returns the seconds that it took."""

    def wait(condition: Callable[[], bool], seconds: float, what: str) -> float:
        started = time.monotonic()
        excused = (AssertionError, OSError, subprocess.SubprocessError)
        waiting.wait_for(condition, seconds, what, 0.3, excused=excused)
        return time.monotonic() - started

    return wait


def cluster_identity(lab: Lab) -> str:
    """What tells one cluster from another: the id of its first namespace."""
    return str(json.loads(lab.kubectl("get", "ns", "kube-system", "-o", "json"))["metadata"]["uid"])
