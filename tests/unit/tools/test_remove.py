"""Removal takes what is ours and leaves what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_tools import remove
from lab_tools.layout import Layout

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
    assert remove.is_own_rule(line) is ours


def test_chains_are_listed_by_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def tables(family: str) -> dict[str, list[str]]:
        lines = [line for line in SAVED.splitlines() if line[:1] in ":-"]
        return {"nat": lines} if family == "iptables" else {}

    monkeypatch.setattr(remove, "tables", tables)
    found = remove.own_chains()
    assert "iptables nat KUBE-SERVICES" in found
    assert "iptables nat CNI-HOSTPORT-DNAT" in found
    assert not [line for line in found if "DOCKER" in line]


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
