"""A volume that is a directory of the node keeps to its size: who writes beyond it is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from platform_cluster import container, is_ready, wait_for
from tenancy_seats import Seat

from lab_ground.kubernetes.client import KubernetesClient

pytestmark = pytest.mark.cluster
CLAIM, SIZE = "small", "32Mi"
# Writes four times what was claimed, and goes on; says how far it came.
FILL = """
import time
with open("/data/file", "wb", buffering=0) as file:
    for number in range(128):
        file.write(bytes(1024 * 1024))
        print(number + 1, flush=True)
    time.sleep(120)
"""


def pod(seat: Seat, name: str, claim: str | None = None, **changes: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container(name) | changes],
    }
    if claim:
        source = {"persistentVolumeClaim": {"claimName": claim}}
        spec["volumes"] = [{"name": "data", **source}]
        spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    metadata = {"name": name, "namespace": seat.namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.fixture
def claim(stranger: Seat) -> Iterator[str]:
    """A small volume of the stranger's, whose pods are gone when it goes."""
    stranger.client.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": CLAIM, "namespace": stranger.namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": SIZE}},
            },
        }
    )
    yield CLAIM
    for name in ("filler", "after"):
        stranger.client.delete("v1", "Pod", name, stranger.namespace, grace_seconds=0)
    stranger.client.delete("v1", "PersistentVolumeClaim", CLAIM, stranger.namespace)


def events(client: KubernetesClient, seat: Seat) -> list[str]:
    found = client.list_objects(
        "v1", "Event", seat.namespace, field_selector=f"involvedObject.name={CLAIM}"
    )
    return [event["message"] for event in found if event["reason"] == "VolumeOverfull"]


def said(client: KubernetesClient, seat: Seat, name: str) -> str:
    """What a pod has written; nothing while it is made."""
    found = client.get("v1", "Pod", name, seat.namespace) or {}
    if (found.get("status") or {}).get("phase") not in ("Running", "Succeeded"):
        return ""
    return client.read_log(name, seat.namespace, container="server")


def test_who_fills_a_volume_is_stopped_and_may_empty_it(
    client: KubernetesClient, stranger: Seat, victim: Seat, claim: str
) -> None:
    filler = pod(stranger, "filler", claim, command=["python3", "-c", FILL])
    filler["spec"]["containers"][0].pop("readinessProbe")
    stranger.client.create(filler)
    wait_for(
        lambda: client.get("v1", "Pod", "filler", stranger.namespace) is None,
        120,
        "the writer is stopped",
    )
    (message,) = events(client, stranger)
    assert "where 32 MiB were claimed, and it grows; stopped: filler" in message
    # Who comes next reads and deletes.
    empty = "import os, time; os.remove('/data/file'); print('emptied', flush=True); time.sleep(60)"
    after = pod(stranger, "after", claim, command=["python3", "-c", empty])
    after["spec"]["containers"][0].pop("readinessProbe")
    stranger.client.create(after)
    wait_for(lambda: "emptied" in said(client, stranger, "after"), 60, "it is emptied")
    assert len(events(client, stranger)) == 1
    assert is_ready(client, "Pod", "notebook", victim.namespace)
