"""What an object store has acknowledged survives a stop and a start of the whole cluster."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from embedded_cluster import cluster, machine
from embedded_cluster.layout import Layout
from object_storage import builders
from object_storage.buckets import connect, ensure_buckets

from ..conftest import Lab, cluster_identity

LAYOUT = Layout()
NAME = "minio-kept"
BUCKET = "kept"


class Store:
    """An object store in a project of its own."""

    def __init__(self, lab: Lab, namespace: str) -> None:
        self.lab = lab
        self.namespace = namespace
        self.admin = builders.Identity("admin", "ADMIN", builders.generate_key(40), admin=True)
        self.user = builders.Identity("user", "USER", builders.generate_key(40), (BUCKET,))

    def make(self, folder: Any) -> None:
        """Apply it, without the platform's controllers."""
        store = builders.ObjectStore(NAME, self.namespace, (self.admin, self.user), size="1Gi")
        manifests = {"apiVersion": "v1", "kind": "List"}
        manifests |= {"items": builders.build_object_store(store)}
        path = folder / "store.json"
        path.write_text(json.dumps(manifests))
        self.lab.kubectl("apply", "-f", str(path))

    def read(self, kind: str, jsonpath: str) -> str:
        """A field of one of its objects."""
        words = ("-n", self.namespace, "get", kind, NAME, "-o", f"jsonpath={{{jsonpath}}}")
        return self.lab.kubectl(*words)

    @property
    def endpoint(self) -> str:
        """Its Service, which the node reaches, too."""
        return f"http://{self.read('service', '.spec.clusterIP')}:{builders.S3_PORT}"

    def client(self) -> Any:
        """S3 with the key of a project."""
        return connect(self.endpoint, self.user.access_key, self.user.secret_key)

    def answers(self) -> bool:
        """Whether the bucket is there, made where it is not yet."""
        if self.read("deployment", ".status.availableReplicas") != "1":
            return False
        try:
            ensure_buckets(self.endpoint, self.admin.access_key, self.admin.secret_key, [BUCKET])
            self.client().list_objects_v2(Bucket=BUCKET)
        except Exception:  # whatever is not up yet
            return False
        return True


@pytest.fixture
def store(lab: Lab, tmp_path: Any, wait_for: Callable[..., float]) -> Iterator[Store]:
    namespace = f"store-{uuid.uuid4().hex[:8]}"
    lab.kubectl("create", "namespace", namespace)
    made = Store(lab, namespace)
    made.make(tmp_path)
    wait_for(made.answers, 120, "the store")
    yield made
    lab.kubectl("delete", "namespace", namespace, "--wait=false")


def write_until(stop: threading.Event, s3: Any, written: dict[str, str]) -> None:
    """Write objects, larger and larger, and keep the sums of those that were acknowledged."""
    number = 0
    while not stop.is_set():
        body = f"{number} ".encode() * (1 << number % 19)
        try:
            s3.put_object(Bucket=BUCKET, Key=f"objects/{number}", Body=body)
        except (BotoCoreError, ClientError):
            return
        written[f"objects/{number}"] = hashlib.sha256(body).hexdigest()
        number += 1


def test_acknowledged_objects_survive_a_stop_of_the_cluster(
    lab: Lab, store: Store, wait_for: Callable[..., float]
) -> None:
    identity = cluster_identity(lab)
    written: dict[str, str] = {}
    stop = threading.Event()
    writer = threading.Thread(target=write_until, args=(stop, store.client(), written))
    writer.start()
    wait_for(lambda: len(written) >= 60, 60, "sixty objects")
    # In the middle of the writing.
    machine.stop_supervision(LAYOUT)
    cluster.end_containers(LAYOUT)
    stop.set()
    writer.join(60)
    assert not machine.of_kind(machine.is_containerd, LAYOUT)
    lab.create()
    wait_for(
        lambda: cluster.api_health(LAYOUT) == "ok" and not cluster.missing(LAYOUT),
        120,
        "the cluster",
    )
    wait_for(store.answers, 120, "the store after the restart")
    assert cluster_identity(lab) == identity
    s3 = store.client()
    found = {
        key: hashlib.sha256(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).hexdigest()
        for key in written
    }
    assert found == written
    s3.put_object(Bucket=BUCKET, Key="after", Body=b"and on it goes")
