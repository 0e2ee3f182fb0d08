"""The reset of a lab that was used, and the way back to a complete one.

Runs on the lab's own seat and takes its model away for some minutes: a nightly suite.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import requests
from kubernetes import client, config

from lab_validation.access import Access, read_access
from lab_validation.cluster import ClusterReader

REPOSITORY = Path(__file__).resolve().parents[3]
STATE = REPOSITORY / ".lab"
GONE = (
    ("kubeflow.org/v1", "Notebook"),
    ("serving.kserve.io/v1beta1", "InferenceService"),
    ("serving.kserve.io/v1alpha1", "ServingRuntime"),
    ("serving.knative.dev/v1", "Service"),
)


@pytest.fixture(scope="module")
def access() -> Access:
    return read_access(STATE / "access.json")


@pytest.fixture(scope="module")
def cluster() -> ClusterReader:
    return ClusterReader(STATE / "kubeconfig")


@pytest.fixture(scope="module")
def foreign(access: Access) -> Iterator[str]:
    """Somebody's ConfigMap in the seat, which no reset may touch."""
    config.load_kube_config(str(STATE / "kubeconfig"))
    core = client.CoreV1Api()
    name = "not-of-the-lab"
    core.create_namespaced_config_map(access.namespace, {"metadata": {"name": name}})
    yield name
    core.delete_namespaced_config_map(name, access.namespace)


def lab(*arguments: str, timeout: int = 900) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["./lab", *arguments], cwd=REPOSITORY, text=True, capture_output=True, check=False,
        timeout=timeout,
    )  # fmt: skip


def keys(access: Access, cluster: ClusterReader) -> set[str]:
    secret = cluster.secret(access.get("s3.secret"))
    store = boto3.resource(
        "s3",
        endpoint_url=access.get("s3.url"),
        aws_access_key_id=secret["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=secret["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
        verify=access.get("ca_certificate"),
    )
    return {thing.key for thing in store.Bucket(secret["AWS_S3_BUCKET"]).objects.all()}


def runs(access: Access, cluster: ClusterReader) -> int:
    token = cluster.secret(access.get("pipelines.token_secret"))["token"]
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"{access.get('pipelines.url')}/apis/v2beta1/runs", timeout=20,
            headers={"Authorization": f"Bearer {token}"}, verify=access.get("ca_certificate"),
        )  # fmt: skip
    return len(answer.json().get("runs") or ())


def test_the_plan_touches_nothing(access: Access, cluster: ClusterReader, foreign: str) -> None:
    before = keys(access, cluster), runs(access, cluster)
    plan = lab("reset", "--check", "--diff")
    assert plan.returncode == 0, plan.stdout[-3000:]
    for line in (
        f"present  {access.namespace}: InferenceService/mnist",
        f"present  {access.namespace}: s3 onnx/model-v2.onnx",
        f"keep     {access.namespace}: ConfigMap/{foreign} (not of the lab)",
    ):
        assert line in plan.stdout
    assert (keys(access, cluster), runs(access, cluster)) == before
    assert cluster.objects(*GONE[1], access.namespace)


def test_a_used_seat_is_clean_afterwards(
    access: Access, cluster: ClusterReader, foreign: str
) -> None:
    volume = cluster.find("v1", "PersistentVolumeClaim", "notebook", access.namespace)
    began = time.monotonic()
    done = lab("reset")
    print(f"reset of one seat: {time.monotonic() - began:.1f} s")
    assert done.returncode == 0, done.stdout[-3000:]
    left = {kind: cluster.objects(api, kind, access.namespace) for api, kind in GONE}
    assert not any(left.values()), left
    assert keys(access, cluster) == {"data/train.csv", "data/test.csv"}
    assert runs(access, cluster) == 0
    anew = cluster.find("v1", "PersistentVolumeClaim", "notebook", access.namespace)
    assert anew["metadata"]["uid"] != volume["metadata"]["uid"], (
        "the learner's files are still there"
    )
    assert cluster.find("v1", "ConfigMap", foreign, access.namespace)


def test_a_second_reset_changes_nothing() -> None:
    again = lab("reset")
    assert again.returncode == 0, again.stdout[-3000:]
    assert "changed=0" in again.stdout


def test_the_way_back_to_a_complete_lab(access: Access) -> None:
    back = lab("reset", "--to", "complete", timeout=1200)
    assert back.returncode == 0, back.stdout[-3000:]
    checked = lab("run", "validate-lab")
    assert checked.returncode == 0, checked.stdout[-3000:]
    assert json.loads((STATE / "reports" / "summary.json").read_text())["ok"]
