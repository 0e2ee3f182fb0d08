"""The data science project: namespace, volumes, data connection."""

from __future__ import annotations

import pytest

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_steps import project

pytestmark = pytest.mark.project
# How a model is served, and what the namespace's label says of it.
LABEL_OF_MODE = {"modelmesh": "true", "raw": "false"}


def test_namespace_is_a_project(cluster: ClusterReader, namespace: str, access: Access) -> None:
    """The namespace is a data science project under Pod Security restricted."""
    found = cluster.find("v1", "Namespace", namespace)
    assert found, f"namespace {namespace} does not exist; run ./lab up"
    for label, value, use in (
        ("opendatahub.io/dashboard", "true", "by which the dashboard knows a project"),
        (
            "modelmesh-enabled",
            LABEL_OF_MODE[access.get("serving.mode")],
            "without which no model is served in it",
        ),
        ("pod-security.kubernetes.io/enforce", "restricted", "which keeps its pods restricted"),
    ):
        told = project.label_fault(found, label, value, use)
        assert not told, f"{told}; ./lab run prepare-lab sets it"


@pytest.mark.parametrize("name", project.VOLUMES)
def test_volume_is_there(cluster: ClusterReader, namespace: str, access: Access, name: str) -> None:
    """The volume exists with its size, bound or waiting for its first pod."""
    claim = cluster.find("v1", "PersistentVolumeClaim", name, namespace)
    pods = cluster.objects("v1", "Pod", namespace)
    told = project.volume_fault(claim, name, pods, access.volumes[name])
    assert not told, told


def test_data_connection(data_connection: dict[str, str]) -> None:
    """The data connection s3-creds has all keys and no default password."""
    told = project.connection_fault(data_connection)
    assert not told, told


def test_data_connection_works(bucket) -> None:
    """The data connection's key opens the bucket."""
    assert next(bucket.objects(), None) is not None, "the bucket is empty"
