"""The data science project: namespace, volumes, data connection."""

from __future__ import annotations

import pytest

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader

pytestmark = pytest.mark.project
# How a model is served, and what the namespace's label says of it.
LABEL_OF_MODE = {"modelmesh": "true", "raw": "false"}


def test_namespace_is_a_project(cluster: ClusterReader, namespace: str, access: Access) -> None:
    """The namespace is a data science project under Pod Security restricted."""
    found = cluster.find("v1", "Namespace", namespace)
    assert found, f"namespace {namespace} does not exist; run ./lab up"
    labels = found["metadata"]["labels"]
    for label, value, use in (
        ("opendatahub.io/dashboard", "true", "by which the dashboard knows a project"),
        (
            "modelmesh-enabled",
            LABEL_OF_MODE[access.get("serving.mode")],
            "without which no model is served in it",
        ),
        ("pod-security.kubernetes.io/enforce", "restricted", "which keeps its pods restricted"),
    ):
        assert labels.get(label) == value, (
            f"namespace {namespace} lacks the label {label}={value}, {use}; "
            "./lab run prepare-lab sets it"
        )


@pytest.mark.parametrize("name", ["notebook", "ml-pipeline"])
def test_volume_is_there(cluster: ClusterReader, namespace: str, access: Access, name: str) -> None:
    """The volume exists with its size, bound or waiting for its first pod."""
    claim = cluster.find("v1", "PersistentVolumeClaim", name, namespace)
    assert claim, f"PVC {namespace}/{name} does not exist"
    size = claim["spec"]["resources"]["requests"]["storage"]
    wanted = access.volumes[name]
    assert size == wanted, f"PVC {name} asks for {size}, the inventory says {wanted}"
    phase = claim["status"]["phase"]
    used = any(
        volume.get("persistentVolumeClaim", {}).get("claimName") == name
        for pod in cluster.objects("v1", "Pod", namespace)
        for volume in pod["spec"].get("volumes") or ()
    )
    assert phase == "Bound" or not used, f"PVC {name} is {phase} although a pod mounts it"


def test_data_connection(data_connection: dict[str, str]) -> None:
    """The data connection s3-creds has all keys and no default password."""
    assert set(data_connection) >= {
        "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION",
        "AWS_S3_ENDPOINT", "AWS_S3_BUCKET",
    }  # fmt: skip
    assert data_connection["AWS_S3_BUCKET"] == "rhods"


def test_data_connection_works(bucket) -> None:
    """The data connection's key opens the bucket."""
    assert next(bucket.objects(), None) is not None, "the bucket is empty"
