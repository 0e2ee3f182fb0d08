"""The lab's own seat, looked at from the outside by tests that change it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from seat_buckets import open_bucket

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_ground.processes import family
from lab_ground.s3 import Bucket

REPOSITORY = Path(__file__).resolve().parents[2]
STATE = REPOSITORY / ".lab"
GONE = (
    ("kubeflow.org/v1", "Notebook"),
    ("serving.kserve.io/v1beta1", "InferenceService"),
    ("serving.kserve.io/v1alpha1", "ServingRuntime"),
    ("serving.knative.dev/v1", "Service"),
)
DATA = {"data/train.csv", "data/test.csv"}


def lab(*arguments: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
    """Run the launcher."""
    return subprocess.run(
        ["./lab", *arguments], cwd=REPOSITORY, text=True, capture_output=True, check=False,
        timeout=timeout,
    )  # fmt: skip


def kill_tree(pid: int) -> None:
    """Kill a process and everything below it, as a machine that loses its power would."""
    for each in family([pid]):
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            continue


@dataclass(frozen=True)
class LabSeat:
    """What is in the seat: objects, keys of the bucket, runs."""

    access: Access
    cluster: ClusterReader

    @property
    def namespace(self) -> str:
        """The seat's namespace."""
        return self.access.namespace

    def _bucket(self) -> Bucket:
        secret = self.cluster.secret(self.access.get("s3.secret"))
        return open_bucket(secret, self.access.get("s3.url"), self.access.verify)

    def stored(self) -> set[str]:
        """All keys of the bucket."""
        return set(self._bucket().keys())

    def store(self, key: str, content: bytes) -> None:
        """Put something into the bucket."""
        self._bucket().put(key, content)

    def runs(self) -> int:
        """How many runs the pipeline server knows."""
        token = self.cluster.secret(self.access.get("pipelines.token_secret"))["token"]
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(
                f"{self.access.get('pipelines.url')}/apis/v2beta1/runs", timeout=20,
                headers={"Authorization": f"Bearer {token}"},
                verify=self.access.verify,
            )  # fmt: skip
        answer.raise_for_status()
        return len(answer.json().get("runs") or ())

    def there(self, api_version: str, kind: str, name: str) -> dict[str, Any] | None:
        """An object of the seat, or None."""
        return self.cluster.find(api_version, kind, name, self.namespace)

    def volume(self, name: str = "notebook") -> str:
        """The uid of a claim, empty where it is not there."""
        claim = self.there("v1", "PersistentVolumeClaim", name)
        return claim["metadata"]["uid"] if claim else ""

    def model_goes(self) -> bool:
        """Tell whether the model has gone or was asked to go."""
        model = self.there("serving.kserve.io/v1beta1", "InferenceService", "mnist")
        return model is None or bool(model["metadata"].get("deletionTimestamp"))

    def holder(self) -> str:
        """Who holds the Lease of a reset."""
        lease = self.there("coordination.k8s.io/v1", "Lease", "lab-reset")
        return str(lease["spec"].get("holderIdentity") or "") if lease else ""

    def leftovers(self, volume: str) -> list[str]:
        """What a reset to a clean start left; ``volume`` is the uid of the used claim."""
        left = [
            f"{kind}/{thing['metadata']['name']}"
            for api_version, kind in GONE
            for thing in self.cluster.objects(api_version, kind, self.namespace)
        ]
        left += [f"s3 {key}" for key in sorted(self.stored() ^ DATA)]
        left += [f"{count} runs" for count in [self.runs()] if count]
        left += [f"Lease held by {holder}" for holder in [self.holder()] if holder]
        if self.volume() in ("", volume):
            left.append("the learner's volume, or there is none")
        return left


def summary() -> dict[str, Any]:
    """What the last validation found."""
    found: dict[str, Any] = json.loads((STATE / "reports" / "summary.json").read_text())
    return found
