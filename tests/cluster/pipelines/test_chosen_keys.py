"""Keys of the object store that an inventory sets, from the playbook to a run."""

from __future__ import annotations

import base64
import subprocess
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import kfp
import pytest
from pipeline_project import NAME, ROOT, PipelineServer
from sdk_pipelines import constructs

from lab_ground.connections import DataConnection
from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.s3 import Bucket, Kind, StoreError

pytestmark = pytest.mark.cluster
KEYS = ("minio", "minio123")


def prepare(namespace: str, *options: str) -> str:
    """The lab's own playbook, for a project of its own."""
    words = [
        "run",
        "prepare-lab",
        "--tags",
        "project,pipelines",
        "-e",
        f"lab_namespace={namespace}",
    ]
    done = subprocess.run(
        [ROOT / "lab", *words, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def chosen(kubernetes: KubernetesClient) -> Iterator[PipelineServer]:
    """A project whose store has the keys of the lab's text."""
    namespace = f"test-keys-{uuid.uuid4().hex[:6]}"
    server = PipelineServer(kubernetes, namespace)
    access, secret = KEYS
    told = prepare(
        namespace,
        "-e",
        f"lab_object_store_access_key={access}",
        "-e",
        f"lab_object_store_secret_key={secret}",
    )
    assert secret not in told
    try:
        server.wait_until_ready(60)
        yield server
    finally:
        server.delete(120)
        kubernetes.delete("v1", "Namespace", namespace)


def test_the_store_knows_these_keys_and_no_others(chosen: PipelineServer) -> None:
    def look(access: str, secret: str) -> None:
        connection = DataConnection(chosen.store_url, "mlpipeline", access, secret)
        Bucket(connection, ca=str(chosen.ca_certificate)).check()

    look(*KEYS)
    with pytest.raises(StoreError) as refused:
        look(KEYS[0], "minio1234")
    assert refused.value.kind is Kind.KEY


def test_whoever_has_them_makes_buckets(chosen: PipelineServer) -> None:
    """Upstream they are MinIO's root: with them the seed's init Job makes its three buckets."""
    for name in ("rhods", "first-of-three", "second-of-three"):
        connection = DataConnection(chosen.store_url, name, *KEYS)
        bucket = Bucket(connection, ca=str(chosen.ca_certificate))
        bucket.ensure()
        bucket.put("data/train.csv", b"0")
        assert bucket.keys() == ["data/train.csv"]
        bucket.delete(["data/train.csv"])


def test_a_run_uses_them(chosen: PipelineServer, wait_for_run: Callable[..., Any]) -> None:
    client = kfp.Client(
        host=chosen.url, existing_token=chosen.token, ssl_ca_cert=str(chosen.ca_certificate)
    )
    started = client.create_run_from_pipeline_func(constructs.artifacts)
    assert wait_for_run(client, started.run_id, 120).state == "SUCCEEDED"


def test_they_are_where_the_dashboard_looks_and_nowhere_else(chosen: PipelineServer) -> None:
    found = chosen.kubernetes.get("v1", "Secret", f"ds-pipeline-s3-{NAME}", chosen.namespace)
    assert found is not None
    values = [base64.b64decode(found["data"][key]).decode() for key in ("accesskey", "secretkey")]
    assert tuple(values) == KEYS
    for kind in ("Deployment", "StatefulSet"):
        for item in chosen.kubernetes.list_objects("apps/v1", kind, chosen.namespace):
            assert KEYS[1] not in str(item), item["metadata"]["name"]


def test_changing_nothing_changes_nothing(chosen: PipelineServer) -> None:
    access, secret = KEYS
    told = prepare(
        chosen.namespace,
        "-e",
        f"lab_object_store_access_key={access}",
        "-e",
        f"lab_object_store_secret_key={secret}",
    )
    assert "changed=0" in told
