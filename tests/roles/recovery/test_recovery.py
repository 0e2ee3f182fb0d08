"""Whatever is killed comes back by itself or with one call, and nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedded_cluster import cluster, machine
from embedded_cluster.layout import Layout
from lab_ground.processes import descendants

from ..conftest import PROJECT, Lab, cluster_identity

LAYOUT = Layout()
WITHIN = 120


def named(name: str) -> list[int]:
    """Processes of the cluster's containers by their program's name."""
    shims = [process.pid for process in machine.of_kind(machine.is_shim, LAYOUT)]
    inside = set(descendants(shims))
    return [p.pid for p in machine.processes() if p.pid in inside and p.program == name]


def containerd() -> list[int]:
    """The cluster's containerd."""
    return [p.pid for p in machine.of_kind(machine.is_containerd, LAYOUT)]


def kubelet() -> list[int]:
    """The cluster's kubelet."""
    return [p.pid for p in machine.of_kind(machine.is_kubelet, LAYOUT)]


def supervisor() -> list[int]:
    """The cluster's supervisord."""
    return [p.pid for p in machine.of_kind(machine.is_supervisor, LAYOUT)]


def healthy(lab: Lab) -> bool:
    """Whether the API answers and the node and add-ons serve."""
    return cluster.api_health(LAYOUT) == "ok" and not cluster.missing(LAYOUT)


@pytest.fixture(autouse=True)
def healthy_before(lab: Lab, wait_for: Callable[..., float]) -> None:
    """Each case starts from a whole cluster."""
    wait_for(lambda: healthy(lab), WITHIN, "the cluster before the case")


@pytest.fixture
def keepsake(lab: Lab) -> Iterator[Callable[[], bool]]:
    """Data in the cluster that has to be there afterwards."""
    name = f"keepsake-{uuid.uuid4().hex[:8]}"
    lab.kubectl("-n", "default", "create", "configmap", name, "--from-literal=word=kept")

    def kept() -> bool:
        answer = lab.kubectl("-n", "default", "get", "configmap", name, "-o", "json")
        return json.loads(answer)["data"] == {"word": "kept"}

    yield kept
    lab.kubectl("-n", "default", "delete", "configmap", name)


@pytest.mark.parametrize(("what", "find"), [
    ("kubelet", kubelet),
    ("containerd", containerd),
    ("kube-apiserver", lambda: named("kube-apiserver")),
])  # fmt: skip
def test_a_killed_program_heals_by_itself(
    what: str,
    find: Callable[[], list[int]],
    lab: Lab,
    keepsake: Callable[[], bool],
    wait_for: Callable[..., float],
) -> None:
    before = find()
    assert before, f"{what} does not run"
    identity = cluster_identity(lab)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    new = wait_for(lambda: bool(set(find()) - set(before)), WITHIN, f"a new {what}")
    whole = wait_for(lambda: healthy(lab) and keepsake(), WITHIN, "the whole cluster")
    print(f"{what}: new process after {new:.1f} s, whole after {new + whole:.1f} s")
    assert cluster_identity(lab) == identity


def test_up_heals_a_cluster_whose_supervisor_is_gone(
    lab: Lab, keepsake: Callable[[], bool]
) -> None:
    if machine.has_systemd():
        pytest.skip("systemd is PID 1 here and cannot go")
    identity = cluster_identity(lab)
    for pid in supervisor():
        os.kill(pid, signal.SIGKILL)
    changed, told = lab.create()
    assert changed >= 1, told
    assert supervisor()
    assert keepsake()
    assert cluster_identity(lab) == identity


def test_up_brings_back_a_cluster_that_was_stopped(
    lab: Lab, keepsake: Callable[[], bool], wait_for: Callable[..., float]
) -> None:
    identity = cluster_identity(lab)
    machine.stop_supervision(LAYOUT)
    cluster.end_containers(LAYOUT)
    assert not containerd()
    assert not kubelet()
    assert not named("kube-apiserver")
    status = lab("status")
    assert status.returncode == 1
    assert "DOWN" in status.stdout
    lab.create()
    wait_for(lambda: healthy(lab) and keepsake(), WITHIN, "the cluster that was stopped")
    assert cluster_identity(lab) == identity


def test_another_clone_adopts_the_cluster(
    lab: Lab, tmp_path: Path, keepsake: Callable[[], bool]
) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(PROJECT), str(clone)], check=True)
    for name in ("src", "roles", "plugins", "playbooks", "inventories", "requirements", "kube"):
        # What is not committed yet belongs to the checkout that is tested.
        shutil.copytree(PROJECT / name, clone / name, dirs_exist_ok=True)
    servers = named("kube-apiserver")
    changed, told = Lab(clone).create()
    assert changed == 1, told
    assert cluster_identity(Lab(clone)) == cluster_identity(lab)
    assert named("kube-apiserver") == servers
    assert keepsake()


def test_an_incompatible_cluster_is_not_replaced_without_leave(lab: Lab) -> None:
    record = LAYOUT.record.read_text()
    LAYOUT.record.write_text(json.dumps({**json.loads(record), "kubernetes": "1.33.0"}))
    try:
        done = lab("run", "create-cluster", "-e", "lab_preflight_rebuild=false")
    finally:
        LAYOUT.record.write_text(record)
    assert done.returncode != 0
    assert "kubernetes is 1.33.0 and 1.34.4 is wanted" in done.stdout
    assert "Nothing was changed" in " ".join(done.stdout.split())


@pytest.mark.parametrize(("variable", "made", "wanted"), [
    ("kube_pod_network", "10.244.0.0/20", "10.250.0.0/20"),
    ("kube_service_network", "10.96.0.0/16", "10.97.0.0/16"),
])  # fmt: skip
def test_a_value_for_life_is_refused_and_nothing_changes(
    variable: str, made: str, wanted: str, lab: Lab
) -> None:
    written = {path: path.read_bytes() for path in Path("/etc/mnist-lab").glob("**/*.yml")}
    done = lab("run", "create-cluster", "-e", f"{variable}={wanted}")
    assert done.returncode != 0
    told = " ".join(done.stdout.split())
    assert f"{made} and {variable} is {wanted}" in told
    assert "./lab remove" in told
    assert written == {path: path.read_bytes() for path in written}


def test_a_second_run_and_check_mode_change_nothing(lab: Lab) -> None:
    assert lab.create()[0] == 0
    assert lab.create("--check", "--diff")[0] == 0


@pytest.fixture
def seat(lab: Lab) -> Iterator[str]:
    """A project as a seat is one: something encrypted, and a pod that runs."""
    name = f"seat-{uuid.uuid4().hex[:8]}"
    lab.kubectl("create", "namespace", name)
    lab.kubectl("-n", name, "create", "secret", "generic", "keys", "--from-literal=word=kept")
    lab.kubectl(
        "-n", name, "run", "works", "--image=lab.local/kube/pause:1", "--image-pull-policy=Never"
    )
    lab.kubectl("-n", name, "wait", "--for=condition=Ready", "pod/works", "--timeout=60s")
    yield name
    lab.kubectl("delete", "namespace", name, "--wait=false")


def test_a_lost_etcd_comes_back_with_its_seats(
    lab: Lab, seat: str, keepsake: Callable[[], bool], wait_for: Callable[..., float]
) -> None:
    """Its data go while the cluster runs, so that it comes up empty before it is restored."""
    identity = cluster_identity(lab)
    described = ("-n", seat, "get", "pod", "works", "-o", "jsonpath={.metadata.uid}")
    pod = lab.kubectl(*described)
    taken = lab("snapshot")
    assert taken.returncode == 0, taken.stdout
    lab.kubectl("-n", seat, "create", "configmap", "later", "--from-literal=word=lost")
    shutil.rmtree(LAYOUT.data / "etcd")
    for pid in named("etcd"):
        os.kill(pid, signal.SIGKILL)
    checked = lab("restore", "--check")
    assert "It is whole" in checked.stdout, checked.stdout
    done = lab("restore")
    print(done.stdout)
    assert done.returncode == 0, done.stdout
    wait_for(lambda: healthy(lab) and keepsake(), WITHIN, "the cluster that was restored")
    assert cluster_identity(lab) == identity
    assert lab.kubectl(*described) == pod
    secret = json.loads(lab.kubectl("-n", seat, "get", "secret", "keys", "-o", "json"))
    assert secret["data"] == {"word": "a2VwdA=="}
    assert lab.kubectl("-n", seat, "get", "configmap", "later", "--ignore-not-found") == ""
    lab.kubectl("-n", seat, "wait", "--for=condition=Ready", "pod/works", "--timeout=60s")
    # Who watches goes on: a pod that is made now is scheduled, started and told of.
    lab.kubectl("-n", seat, "run", "new", "--image=lab.local/kube/pause:1")
    lab.kubectl("-n", seat, "wait", "--for=condition=Ready", "pod/new", "--timeout=60s")
