"""Fixtures: a project with a workbench of its own, a token that opens it, a browser."""

# Fixtures are asked for by the names that they are imported under.
# ruff: noqa: F811

from __future__ import annotations

import os
import uuid

import platform_manifests
import pytest
from cluster_accounts import token_of
from platform_cluster import DOMAIN, is_ready, read_authority, wait_for
from platform_fixtures import client  # noqa: F401

from lab_driver import browser as chromium
from lab_ground.settings import PLATFORM_IMAGES

IMAGE = os.environ.get("LAB_WORKBENCH_IMAGE", f"{PLATFORM_IMAGES}/mnist-workbench:1.0")
NAME = "bench"


@pytest.fixture(scope="session")
def project(client):
    name = f"browser-{uuid.uuid4().hex[:8]}"
    labels = {
        "opendatahub.io/dashboard": "true",
        "pod-security.kubernetes.io/enforce": "restricted",
    }
    client.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    )
    wait_for(
        lambda: client.get("v1", "ConfigMap", "odh-trusted-ca-bundle", name), 30, "the project"
    )
    yield name
    client.delete("v1", "Namespace", name)


@pytest.fixture(scope="session")
def workbench(client, project):
    """The address of a workbench that runs."""
    client.create(
        platform_manifests.workbench(
            NAME,
            project,
            IMAGE,
            arguments="--ServerApp.quit_button=False",
            imagePullPolicy="IfNotPresent",
            workingDir="/opt/app-root/src",
        )
    )
    wait_for(lambda: is_ready(client, "Notebook", NAME, project), 180, "the workbench runs", 0.5)
    return f"https://{NAME}-{project}.{DOMAIN}{platform_manifests.workbench_path(NAME, project)}"


@pytest.fixture(scope="session")
def token(client, project, workbench):
    """A token of the workbench's own account, which may open it."""
    return token_of(client, project, NAME)


@pytest.fixture(scope="session")
def browser(client, tmp_path_factory):
    """A browser that trusts the lab's authority and verifies everything."""
    home = tmp_path_factory.mktemp("browser")
    certificate = home / "ca.crt"
    certificate.write_text(read_authority(client))
    driver = chromium.start(home, certificate, timeout=60)
    yield driver
    driver.quit()
