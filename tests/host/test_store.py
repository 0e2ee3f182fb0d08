"""etcd on the machine: its snapshots come by themselves, and that it is full is told and mended."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from embedded_cluster import store as stores
from embedded_cluster.store import MIB, Store
from lab_ground.waiting import wait_for

from .conftest import PROJECT

INSTALLED = Path("/opt/mnist-lab/lib/mnist_lab_store.py")


def lab(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROJECT / "lab"), *words], capture_output=True, text=True, check=False, timeout=120
    )


def test_snapshots_come_by_themselves_and_are_whole() -> None:
    wait_for(Store().listed, 90, "the first snapshot, which the supervised program takes")
    newest = Store().listed()[0]
    newest.check()
    assert newest.revision > 0
    assert Store().snapshots.stat().st_mode & 0o077 == 0
    assert [path for path in newest.path.iterdir() if path.stat().st_mode & 0o077] == []
    # What runs there is this checkout's.
    assert INSTALLED.read_text() == Path(stores.__file__).read_text()


def test_a_full_etcd_is_told_in_words_and_gets_room(
    kubectl: Callable[..., str], namespace: str
) -> None:
    """The alarm is raised as etcd raises it beyond its quota; from then on it refuses to store."""
    store = Store()
    member = store.ask("maintenance/status")["header"]["member_id"]
    store.ask("maintenance/alarm", action="ACTIVATE", memberID=member, alarm="NOSPACE")
    try:
        refused = subprocess.run(
            ["/opt/mnist-lab/bin/kubectl", f"--kubeconfig={PROJECT}/.lab/kubeconfig", "-n",
             namespace, "create", "configmap", "more"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = lab("status")
    finally:
        room = lab("snapshot", "--make-room")
    assert "database space exceeded" in refused.stderr
    assert told.returncode == 1
    assert "etcd: it is full" in told.stdout
    assert "./lab snapshot --make-room" in told.stdout
    assert room.returncode == 0, room.stderr
    assert "stores again" in room.stdout
    kubectl("-n", namespace, "create", "configmap", "more")
    assert "up    etcd: " in lab("status").stdout


def test_its_quota_and_the_events_lifetime_are_the_cluster_s() -> None:
    manifests = Path("/etc/kubernetes/manifests")
    assert Store().quota() == 4096 * MIB
    assert "--event-ttl=3h" in (manifests / "kube-apiserver.yaml").read_text()
