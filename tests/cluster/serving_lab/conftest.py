"""Fixtures: the lab's own seat and its bucket, read only."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from seat_buckets import open_bucket

from lab_ground.kubernetes.client import KubernetesClient, get_client

ACCESS = Path(__file__).resolve().parents[3] / ".lab" / "access.json"


@pytest.fixture(scope="session")
def access() -> dict[str, Any]:
    return dict(json.loads(ACCESS.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def client() -> KubernetesClient:
    return get_client()


@pytest.fixture(scope="session")
def secret(client: KubernetesClient) -> Callable[[str], dict[str, str]]:
    """Reads a Secret's values, decoded; its name is namespace/name."""

    def read(name: str) -> dict[str, str]:
        namespace, _, own = name.partition("/")
        found = client.get("v1", "Secret", own, namespace)
        assert found, f"there is no Secret {name}"
        return {key: base64.b64decode(value).decode() for key, value in found["data"].items()}

    return read


@pytest.fixture(scope="session")
def bucket(
    access: dict[str, Any], secret: Callable[[str], dict[str, str]]
) -> Callable[[str], bytes]:
    """Reads an object of the lab's bucket."""
    values = secret(access["s3"]["secret"])
    return open_bucket(values, access["s3"]["url"], access["ca_certificate"] or True).read
