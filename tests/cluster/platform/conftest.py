"""Fixtures: a project of each module's own, the test servers, the lab's authority."""

# Fixtures are asked for by the names that they are imported under.
# ruff: noqa: F811

from __future__ import annotations

import uuid

import pytest
from platform_cluster import is_ready, server_manifests, wait_for
from platform_fixtures import authority, browser, client  # noqa: F401

pytestmark = pytest.mark.cluster


def make_project(client, labels=None):
    name = f"platform-{uuid.uuid4().hex[:8]}"
    client.create(
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": name,
                "labels": {
                    "opendatahub.io/dashboard": "true",
                    "pod-security.kubernetes.io/enforce": "restricted",
                    **(labels or {}),
                },
            },
        }
    )
    wait_for(lambda: client.get("v1", "ServiceAccount", "default", name), 30, "a service account")
    return name


@pytest.fixture(scope="module")
def make(client):
    """Makes a project with further labels."""
    return lambda labels: make_project(client, labels)


@pytest.fixture(scope="module")
def project(client):
    """A project like the lab's: labelled for the dashboard, under ``restricted``."""
    name = make_project(client)
    yield name
    client.delete("v1", "Namespace", name)


@pytest.fixture(scope="module")
def other_project(client):
    name = make_project(client)
    yield name
    client.delete("v1", "Namespace", name)


@pytest.fixture(scope="module")
def servers(client, project):
    """Two plain servers, ``one`` and ``two``, and ``safe`` that speaks TLS."""
    for name in ("one", "two", "safe"):
        for manifest in server_manifests(name, project, tls=name == "safe"):
            client.create(manifest)
    for name in ("one", "two", "safe"):
        wait_for(lambda name=name: is_ready(client, "Pod", name, project), 90, f"pod {name} ready")
