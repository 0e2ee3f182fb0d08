"""Removal takes what is ours and leaves what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_cluster import iptables, machine, remove
from embedded_cluster.layout import Layout

SAVED = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:KUBE-SERVICES - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A KUBE-SERVICES -d 10.96.0.10/32 -j KUBE-SVC-X
-A FORWARD -i mnist-lab-br -m comment --comment mnist-lab -j ACCEPT
COMMIT
"""


@pytest.mark.parametrize(("line", "ours"), [
    ('-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES', True),
    ("-A KUBE-SERVICES -d 10.96.0.10/32 -j KUBE-SVC-X", True),
    ("-A FORWARD -i mnist-lab-br -m comment --comment mnist-lab -j ACCEPT", True),
    ("-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER", False),
    (":KUBE-SERVICES - [0:0]", False),
])  # fmt: skip
def test_own_rules(line: str, ours: bool) -> None:
    assert iptables.is_own_rule(line) is ours


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Filters as on a machine with pods and with Docker; the calls that would change them."""
    calls: list[list[str]] = []

    def tables(family: str) -> dict[str, list[str]]:
        lines = [line for line in SAVED.splitlines() if line[:1] in ":-"]
        return {"nat": lines} if family == "iptables" else {}

    def run(command: list[str], **_: object) -> None:
        calls.append(command)

    monkeypatch.setattr(iptables, "tables", tables)
    monkeypatch.setattr(remove.nftables, "tables", list)
    monkeypatch.setattr(iptables.shutil, "which", lambda name, path: f"/usr/sbin/{name}")
    monkeypatch.setattr(iptables.subprocess, "run", run)
    return calls


def test_chains_are_listed_by_table(tmp_path: Path, saved: list[list[str]]) -> None:
    layout = Layout(tmp_path)
    layout.configuration.mkdir(parents=True)
    found = remove.own_chains(layout)
    assert "iptables nat KUBE-SERVICES" in found
    assert "iptables nat CNI-HOSTPORT-DNAT" in found
    assert not [line for line in found if "DOCKER" in line]
    remove.remove_chains(layout)
    assert saved == [["/usr/sbin/iptables-restore", "--noflush"]]


def test_another_kubernetes_keeps_its_chains(tmp_path: Path, saved: list[list[str]]) -> None:
    layout = Layout(tmp_path)
    (layout.runtime / "containers").mkdir(parents=True)
    remove.remove_chains(layout)
    assert saved == []
    assert remove.inventory(layout)["iptables chains"] == []
    # After a removal of ours, the same chains are what it left.
    assert remove.inventory(layout, was_ours=True)["iptables chains"]


def test_another_kubernetes_keeps_its_control_groups(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    pod = tmp_path / "sys/fs/cgroup/kubepods.slice/pod1"
    pod.mkdir(parents=True)
    remove.remove_cgroups(layout)
    assert pod.exists()
    assert remove.inventory(layout)["control groups"] == []
    layout.configuration.mkdir(parents=True)
    remove.remove_cgroups(layout)
    assert not pod.exists()


def test_another_kubernetes_keeps_its_kubelet(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    kubelet = machine.Process(7, ("kubelet", f"--config={layout.kubelet}/config.yaml"))
    assert not machine.is_kubelet(kubelet, layout)
    layout.configuration.mkdir(parents=True)
    assert machine.is_kubelet(kubelet, layout)


def test_another_kubernetes_keeps_its_mounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path)
    points = [f"{layout.runtime}/a", f"{layout.kubelet}/pods/b", "/mnt"]
    table = "".join(f"1 2 0:3 / {point} rw - tmpfs tmpfs rw\n" for point in points)
    monkeypatch.setattr(remove, "MOUNTS", tmp_path / "mountinfo")
    remove.MOUNTS.write_text(table)
    assert remove.own_mounts(layout) == [points[0]]
    layout.configuration.mkdir(parents=True)
    assert remove.own_mounts(layout) == [points[1], points[0]]


def test_foreign_files_stay_where_no_cluster_of_ours_was(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.kubernetes / "manifests").mkdir(parents=True)
    remove.remove_files(layout, [])
    assert (layout.kubernetes / "manifests").exists()
    assert not remove.inventory(layout)["files"]


def test_what_bears_our_name_goes_where_no_cluster_ever_was(tmp_path: Path) -> None:
    """Images can be built before a cluster is; the build leaves its runtime directory."""
    layout = Layout(tmp_path)
    (layout.runtime / "containers").mkdir(parents=True)
    assert remove.inventory(layout)["files"] == [str(layout.runtime)]
    remove.remove_files(layout, [])
    assert not remove.inventory(layout, was_ours=True)["files"]


def test_own_files_go_even_from_a_half_made_cluster(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    for path in (layout.configuration, layout.kubernetes / "pki", layout.kubelet, layout.data):
        path.mkdir(parents=True)
    programs = layout.programs / "bin"
    programs.mkdir(parents=True)
    links = tmp_path / "usr/local/bin"
    links.mkdir(parents=True)
    (links / "kubectl").symlink_to(programs / "kubectl")
    (links / "other").symlink_to("/usr/bin/env")
    extra = tmp_path / "kubeconfig"
    extra.touch()
    assert remove.inventory(layout, [extra])["files"]
    remove.remove_files(layout, [extra])
    assert not remove.inventory(layout, [extra], was_ours=True)["files"]
    assert (links / "other").is_symlink()
    assert not (links / "kubectl").is_symlink()


def test_the_nightly_timer_stays(tmp_path: Path) -> None:
    """It may be what started the removal: a run from an empty machine begins with one."""
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    for name in (
        "mnist-lab-containerd.service",
        "mnist-lab-nightly.service",
        "mnist-lab-nightly.timer",
    ):
        (units / name).touch()
    found = [path.name for path in remove.own_paths(Layout(tmp_path)) if path.parent == units]
    assert found == ["mnist-lab-containerd.service"]
