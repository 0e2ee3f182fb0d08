"""Preparing a lab again where a webhook adds to workbenches: nothing changes, nothing restarts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from launcher import run_playbook
from notebook_webhook import ENVIRONMENT, SIDECAR, VOLUMES, running_webhook
from platform_cluster import wait_for

from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.cluster
WEBHOOK = ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration")
NOTEBOOK = ("kubeflow.org/v1", "Notebook")
STATEFUL_SET = ("apps/v1", "StatefulSet")


def node_address(client: KubernetesClient) -> str:
    """An address of this machine that the API server reaches."""
    (node,) = client.list_objects("v1", "Node")
    (found,) = [a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP"]
    return str(found)


@pytest.fixture(scope="module")
def seat(client: KubernetesClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A seat of its own, whose Notebooks pass the webhook."""
    namespace = f"test-again-{uuid.uuid4().hex[:6]}"
    directory: Path = tmp_path_factory.mktemp("webhook")
    with running_webhook(node_address(client), directory) as (url, authority, asked):
        chosen = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        webhook = {
            "name": "notebooks.opendatahub.io",
            "clientConfig": {"url": url, "caBundle": authority},
            "namespaceSelector": chosen,
            "rules": [
                {
                    "apiGroups": ["kubeflow.org"],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE", "UPDATE"],
                    "resources": ["notebooks"],
                }
            ],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "admissionReviewVersions": ["v1"],
        }
        version, kind = WEBHOOK
        client.create(
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": {"name": namespace},
                "webhooks": [webhook],
            }
        )
        try:
            yield namespace
            assert asked, "the webhook was never asked"
        finally:
            client.delete(*WEBHOOK, namespace)
            client.delete("v1", "Namespace", namespace)


def prepare(seat: str) -> int:
    """Prepare its project and its workbench, which is left stopped: no pod is needed here."""
    variables = {"lab_seats": [seat], "lab_workbench_state": "stopped"}
    status, changed, output = run_playbook("prepare-lab", variables, "--tags", "project,workbench")
    assert status == 0, output[-3000:]
    return changed


def versions(client: KubernetesClient, seat: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for version, kind in (NOTEBOOK, STATEFUL_SET):
        thing: Any = client.get(version, kind, "notebook", seat)
        found[kind] = thing["metadata"]["resourceVersion"] if thing else ""
    return found


def settled(client: KubernetesClient, seat: str) -> dict[str, str]:
    """The versions once the controllers have nothing more to write."""
    last: list[dict[str, str]] = []

    def same() -> bool:
        last.append(versions(client, seat))
        return len(last) > 3 and last[-1] == last[-4] and all(last[-1].values())

    wait_for(same, 60, "the workbench's objects settle")
    return last[-1]


def test_a_second_preparation_changes_nothing(client: KubernetesClient, seat: str) -> None:
    assert prepare(seat) > 0
    before = settled(client, seat)
    spec = client.get(*NOTEBOOK, "notebook", seat)["spec"]["template"]["spec"]
    assert {entry["name"] for entry in spec["containers"][0]["env"]} > set(ENVIRONMENT)
    assert {volume["name"] for volume in spec["volumes"]} > set(VOLUMES)
    assert spec["containers"][-1]["name"] == SIDECAR
    assert prepare(seat) == 0
    assert settled(client, seat) == before


def test_a_list_sent_whole_would_have_changed_it(client: KubernetesClient, seat: str) -> None:
    """What the roles do not do: the webhook then adds anew, in another order."""
    before = settled(client, seat)
    notebook = client.get(*NOTEBOOK, "notebook", seat)
    (own, *_) = notebook["spec"]["template"]["spec"]["containers"]
    own = {**own, "env": [e for e in own["env"] if e["name"] not in ENVIRONMENT]}
    patch = json.loads(json.dumps({"spec": {"template": {"spec": {"containers": [own]}}}}))
    client.patch(*NOTEBOOK, "notebook", patch, seat)
    wait_for(
        lambda: versions(client, seat)["StatefulSet"] != before["StatefulSet"],
        30,
        "the StatefulSet is written anew",
    )
