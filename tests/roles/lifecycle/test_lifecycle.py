"""From a machine with nothing to a cluster and back: check mode, twice, removal, again.

These cases build on one another and run in this order; each leaves what the next one starts from.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable

import pytest
from control_plane import memory_mib

from embedded_cluster import machine, remove
from embedded_cluster.layout import Layout

from ..conftest import Lab

LAYOUT = Layout()
# Resident memory of the whole control plane, pages that several processes share counted once.
MEMORY_MIB = 1331


def left() -> list[str]:
    """Everything of a cluster that is on this machine."""
    found = remove.inventory(LAYOUT, was_ours=True)
    return [f"{kind}: {item}" for kind, items in found.items() for item in items]


@pytest.fixture(scope="module", autouse=True)
def bare_machine() -> None:
    """Start from nothing."""
    done = Lab()("remove")
    assert done.returncode == 0, done.stdout
    assert left() == []


def test_check_mode_on_a_bare_machine_touches_nothing(lab: Lab) -> None:
    changed, _ = lab.create("--check", "--diff")
    assert changed > 0
    assert left() == []


def test_create(lab: Lab) -> None:
    changed, told = lab.create()
    assert changed > 0, told
    assert "Ready" in lab.kubectl("get", "nodes")
    assert "local-path (default)" in lab.kubectl("get", "storageclass")
    assert memory_mib() < MEMORY_MIB


def test_a_second_time_changes_nothing(lab: Lab) -> None:
    changed, told = lab.create()
    assert changed == 0, told
    assert lab.create("--check", "--diff")[0] == 0


def test_status_finds_all_of_it_up(lab: Lab) -> None:
    done = lab("status")
    assert done.returncode == 0, done.stdout
    assert "DOWN" not in done.stdout
    assert "Kubernetes 1.34.4 API" in done.stdout


def test_an_incompatible_cluster_is_replaced_after_saying_so(lab: Lab) -> None:
    record = json.loads(LAYOUT.record.read_text())
    LAYOUT.record.write_text(json.dumps({**record, "kubernetes": "1.33.0"}))
    before = lab.kubectl("get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}")
    _, told = lab.create("-e", "lab_preflight_rebuild_grace=1")
    assert "kubernetes is 1.33.0 and 1.34.4 is wanted" in " ".join(told.split())
    assert lab.kubectl("get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}") != before


def test_removal_leaves_nothing(lab: Lab) -> None:
    done = lab("remove")
    assert done.returncode == 0, done.stdout
    assert "Nothing of the cluster is left." in done.stdout
    assert left() == []
    assert lab("status").returncode == 1


def test_a_half_made_cluster_is_finished(lab: Lab) -> None:
    """kubeadm was interrupted: there are manifests and data, and no record."""
    lab.create()
    LAYOUT.record.unlink()
    shutil.rmtree(LAYOUT.kubernetes / "pki")
    lab.create()
    assert "Ready" in lab.kubectl("get", "nodes")


def test_a_half_made_cluster_is_removed(lab: Lab) -> None:
    """Its supervisor is gone, its containers and mounts are not."""
    LAYOUT.record.unlink()
    machine.end([p.pid for p in machine.of_kind(machine.is_supervisor, LAYOUT)])
    done = lab("remove")
    assert done.returncode == 0, done.stdout
    assert left() == []


def test_a_taken_port_is_refused_before_anything_changes(
    lab: Lab, wait_for: Callable[..., float]
) -> None:
    script = (
        "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 6443)); "
        "s.listen(); time.sleep(60)"
    )
    with subprocess.Popen(["/usr/bin/python3", "-c", script]) as listener:
        try:
            wait_for(lambda: bool(remove_ports()), 5, "the listener")
            done = lab("run", "create-cluster", "-e", "lab_preflight_memory_gib=4000")
        finally:
            listener.kill()
    words = " ".join(done.stdout.split())
    assert done.returncode != 0
    assert "Port 6443 is taken by python3" in words
    assert "4000 GiB are needed" in words
    assert left() == []


def remove_ports() -> dict[int, str]:
    """Who holds the API server's port."""
    from embedded_cluster.preflight import foreign_ports

    return foreign_ports(LAYOUT, (6443,))


def test_create_again(lab: Lab) -> None:
    lab.create()
    assert "Ready" in lab.kubectl("get", "nodes")
