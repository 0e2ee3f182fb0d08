"""The API server's places: platform, seats and the cluster itself have each their own."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

Kubectl = Callable[..., str]
API = "https://127.0.0.1:6443"
CONTEXT = ssl.create_default_context(cafile="/etc/kubernetes/pki/ca.crt")


def level_of(path: str, token: str) -> str:
    """The id of the level that a question has; whether it is answered does not matter."""
    request = urllib.request.Request(f"{API}{path}", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=20, context=CONTEXT) as answer:
            headers = answer.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    return str(headers["X-Kubernetes-PF-PriorityLevel-UID"])


@pytest.fixture
def token(kubectl: Kubectl, apply: Callable[..., None], namespace: str) -> Callable[[str], str]:
    """A token of an account of a seat."""

    def make(name: str) -> str:
        apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}})
        return kubectl("-n", namespace, "create", "token", name).strip()

    return make


def levels(kubectl: Kubectl) -> dict[str, str]:
    items = json.loads(kubectl("get", "prioritylevelconfigurations", "-o", "json"))["items"]
    return {item["metadata"]["uid"]: item["metadata"]["name"] for item in items}


def test_platform_seats_and_the_cluster_itself_have_levels_of_their_own(
    kubectl: Kubectl, token: Callable[[str], str]
) -> None:
    names = levels(kubectl)
    accounts = {
        "lab-seats": token("learner"),
        "lab-platform": kubectl(
            "-n", "local-path-storage", "create", "token", "local-path-provisioner"
        ).strip(),
        "workload-high": kubectl("-n", "kube-system", "create", "token", "coredns").strip(),
    }
    found = {wanted: names[level_of("/api/v1/pods", one)] for wanted, one in accounts.items()}
    assert found == {wanted: wanted for wanted in accounts}
    for kind in ("prioritylevelconfigurations", "flowschemas"):
        items = json.loads(kubectl("get", kind, "-o", "json"))["items"]
        wrong = [
            (item["metadata"]["name"], one["message"])
            for item in items
            for one in item.get("status", {}).get("conditions", [])
            if one["type"] == "Dangling" and one["status"] == "True"
        ]
        assert wrong == []
