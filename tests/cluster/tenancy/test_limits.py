"""What one seat may take, with the values that the role lab_project gives each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from platform_cluster import container, wait_for
from tenancy_seats import Seat

from lab_ground.kubernetes.client import KubernetesClient
from lab_ground.kubernetes.errors import ApiError

pytestmark = pytest.mark.cluster

DEFAULTS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).resolve().parents[3] / "roles/lab_project/defaults/main.yml").read_text()
)
Manifest = dict[str, Any]
HARD = {
    **DEFAULTS["lab_project_sizes"]["small"],
    "services.nodeports": "0",
    "services.loadbalancers": "0",
}
PRIORITY = ("scheduling.k8s.io/v1", "PriorityClass")
ALLOWED = "lab-tenancy-allowed"
OTHER = "lab-tenancy-other"


def thing(kind: str, name: str, seat: Seat, spec: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": seat.namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture(scope="module")
def limited(client: KubernetesClient, stranger: Seat) -> Seat:
    """The stranger's seat with a seat's limits."""
    # As the role writes it where one class is allowed.
    named = {"scopeName": "PriorityClass", "operator": "Exists"}
    refused = {"scopeName": "PriorityClass", "operator": "NotIn", "values": [ALLOWED]}
    quotas = (
        ("lab-seat", {"hard": HARD}),
        (
            "lab-seat-priority",
            {"hard": {"pods": "0"}, "scopeSelector": {"matchExpressions": [named, refused]}},
        ),
    )
    for name, spec in quotas:
        client.create(thing("ResourceQuota", name, stranger, spec))
    default = {
        "type": "Container",
        "defaultRequest": DEFAULTS["lab_project_container_requests"],
        "default": DEFAULTS["lab_project_container_limits"],
        "max": DEFAULTS["lab_project_container_most"],
    }
    client.create(thing("LimitRange", "lab-seat", stranger, {"limits": [default]}))
    wait_for(
        lambda: all(
            (client.get("v1", "ResourceQuota", name, stranger.namespace) or {}).get("status")
            for name, _ in quotas
        ),
        15,
        "the quotas are counted",
    )
    return stranger


def pod(seat: Seat, name: str, **spec: Any) -> Manifest:
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    return thing(
        "Pod", name, seat, {"securityContext": security, "containers": [container()], **spec}
    )


def try_it(seat: Seat, manifest: Manifest) -> Manifest:
    """Ask as the learner, as a dry run."""
    plural = f"{manifest['kind'].lower()}s"
    path = f"/api/v1/namespaces/{seat.namespace}/{plural}?dryRun=All"
    found: Manifest = seat.client.request("POST", path, body=manifest)
    return found


@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_no_service_goes_round_the_router(limited: Seat, kind: str) -> None:
    with pytest.raises(ApiError, match="exceeded quota: lab-seat"):
        try_it(limited, thing("Service", "out", limited, {"type": kind, "ports": [{"port": 80}]}))


@pytest.fixture(scope="module")
def classes(client: KubernetesClient) -> Iterator[None]:
    """Two priority classes, of which the seat's limits allow one."""
    for name in (ALLOWED, OTHER):
        client.create(
            {
                "apiVersion": PRIORITY[0],
                "kind": PRIORITY[1],
                "metadata": {"name": name},
                "value": 1,
            }
        )
    yield
    for name in (ALLOWED, OTHER):
        client.delete(*PRIORITY, name)


@pytest.mark.parametrize(
    "name", ["system-node-critical", "system-cluster-critical", "lab-platform", OTHER]
)
def test_no_pod_has_a_priority_that_was_not_allowed(
    limited: Seat, classes: None, name: str
) -> None:
    with pytest.raises(ApiError, match="exceeded quota: lab-seat-priority"):
        try_it(limited, pod(limited, "first", priorityClassName=name))


def test_a_pod_has_the_priority_that_was_allowed_or_none(limited: Seat, classes: None) -> None:
    assert (
        try_it(limited, pod(limited, "first", priorityClassName=ALLOWED))["spec"]["priority"] == 1
    )
    assert try_it(limited, pod(limited, "plain"))["spec"]["priority"] == 0


def test_a_container_that_says_nothing_has_requests_and_limits(limited: Seat) -> None:
    made = try_it(limited, pod(limited, "plain"))
    resources = made["spec"]["containers"][0]["resources"]
    assert resources == {
        "requests": DEFAULTS["lab_project_container_requests"],
        "limits": DEFAULTS["lab_project_container_limits"],
    }


def test_a_seat_does_not_reserve_the_machine(limited: Seat) -> None:
    greedy = pod(limited, "greedy")
    greedy["spec"]["containers"][0]["resources"] = {
        "requests": {"cpu": "1600m"},
        "limits": {"cpu": "1600m"},
    }
    with pytest.raises(ApiError, match="exceeded quota: lab-seat"):
        try_it(limited, greedy)


def test_a_seat_does_not_claim_the_disk(limited: Seat) -> None:
    claim = thing(
        "PersistentVolumeClaim",
        "much",
        limited,
        {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "101Gi"}}},
    )
    with pytest.raises(ApiError, match="exceeded quota: lab-seat"):
        try_it(limited, claim)


def test_no_pod_may_ask_for_the_nodes_disk(limited: Seat) -> None:
    greedy = pod(limited, "greedy")
    greedy["spec"]["containers"][0]["resources"] = {"limits": {"ephemeral-storage": "1Ti"}}
    with pytest.raises(ApiError, match="maximum ephemeral-storage usage per Container is 20Gi"):
        try_it(limited, greedy)


def test_who_writes_beside_volumes_is_stopped(client: KubernetesClient, limited: Seat) -> None:
    """As with the limit that who says nothing gets, but soon."""
    made = pod(limited, "scribbler", restartPolicy="Never", terminationGracePeriodSeconds=0)
    write = "import time; open('/scratch/x', 'wb').write(bytes(64 << 20)); time.sleep(120)"
    container = made["spec"]["containers"][0]
    container["command"] = ["python3", "-S", "-c", write]
    container["resources"] = {"limits": {"ephemeral-storage": "16Mi"}}
    container.pop("readinessProbe")
    container["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}]
    made["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {}}]
    limited.client.create(made)

    def reason() -> str:
        found = client.get("v1", "Pod", "scribbler", limited.namespace) or {}
        return str((found.get("status") or {}).get("reason", ""))

    try:
        assert wait_for(reason, 90, "the writer's end", pause=1) == "Evicted"
    finally:
        client.delete("v1", "Pod", "scribbler", limited.namespace, grace_seconds=0)


def test_a_fork_bomb_ends_in_its_own_pod(client: KubernetesClient, limited: Seat) -> None:
    """Whatever the pod tries, its processes are bounded by the kubelet."""
    bomb = """
import os, sys, time
made = 0
try:
    while made < 20000:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
except OSError as error:
    print("STOPPED", made, error.errno, flush=True)
    os._exit(0)
print("UNBOUNDED", made, flush=True)
os._exit(1)
"""
    made = pod(limited, "bomb", restartPolicy="Never", terminationGracePeriodSeconds=0)
    made["spec"]["containers"][0]["command"] = ["python3", "-S", "-c", bomb]
    made["spec"]["containers"][0].pop("readinessProbe")
    limited.client.create(made)
    try:
        phase = wait_for(
            lambda: (
                (found := client.get("v1", "Pod", "bomb", limited.namespace))
                and found["status"].get("phase") in ("Succeeded", "Failed")
                and found["status"]["phase"]
            ),
            90,
            "the bomb ended",
        )
        log = client.read_log("bomb", limited.namespace, container="server")
        assert (phase, "STOPPED" in log) == ("Succeeded", True), log
        assert int(log.split()[1]) <= 4096
    finally:
        client.delete("v1", "Pod", "bomb", limited.namespace, grace_seconds=0)
