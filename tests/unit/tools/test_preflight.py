"""Each refusal quotes what was found, what is needed and what mends it; all come at once."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from embedded_cluster import preflight
from embedded_cluster.layout import Layout
from embedded_cluster.preflight import GIB, Machine, Requirements, problems

GOOD = Machine(
    user_id=0,
    os_release={"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian GNU/Linux 12"},
    cores=2,
    memory=8 * GIB,
    disk_free=50 * GIB,
    disk_path="/var/cache",
    controllers=frozenset({"cpu", "cpuset", "memory", "pids"}),
    capabilities=(1 << 41) - 1,
    foreign_ports={},
    foreign_kubernetes=(),
    resolver=True,
)


def test_a_good_machine_is_accepted() -> None:
    assert problems(GOOD, Requirements()) == []


@pytest.mark.parametrize(("change", "found", "needed", "remedy"), [
    ({"user_id": 1000}, "user 1000", "root (0)", "sudo ./lab up"),
    ({"capabilities": 0xA80425FB}, "00000000a80425fb", "CAP_NET_ADMIN", "privileged container"),
    ({"os_release": {"ID": "fedora", "PRETTY_NAME": "Fedora 42"}}, "Fedora 42", "Debian 12",
     "LAB_INVENTORY=kubernetes"),
    ({"os_release": {"ID": "debian", "VERSION_ID": "11"}}, "Debian 11", "12 or newer",
     "lab_preflight_debian"),
    ({"cores": 1}, "1 CPU", "2 are needed", "lab_preflight_cores"),
    ({"memory": 3 * GIB}, "3.0 GiB", "6 GiB", "lab_preflight_memory_gib"),
    ({"disk_free": 5 * GIB}, "5.0 GiB", "20 GiB", "lab_preflight_disk_gib"),
    ({"controllers": frozenset({"cpu", "cpuset", "pids"})}, "memory are missing",
     "cpu, cpuset, memory, pids", "cgroup_enable=memory"),
    ({"foreign_ports": {6443: "nginx (process 7)"}}, "nginx (process 7)", "6443", "ss -ltnp"),
    ({"foreign_ports": {80: "apache2 (process 9)"}}, "apache2 (process 9)", "Port 80", "ss -ltnp"),
    ({"foreign_kubernetes": ("There is k3s in /etc/rancher/k3s",)}, "k3s", "not of this suite's",
     "k3s-uninstall.sh"),
    ({"resolver": False}, "/etc/resolv.conf is missing", "must be a file", "name servers"),
])  # fmt: skip
def test_a_refusal_names_value_need_and_remedy(
    change: dict[str, Any], found: str, needed: str, remedy: str
) -> None:
    told = problems(dataclasses.replace(GOOD, **change), Requirements())
    assert told
    for words in (found, needed, remedy):
        assert words in told[0]


def test_all_problems_come_at_once() -> None:
    bad = dataclasses.replace(
        GOOD, cores=1, memory=GIB, disk_free=GIB, foreign_ports={443: "nginx (process 7)"}
    )
    assert len(problems(bad, Requirements())) == 4


def test_a_kubernetes_of_another_origin_is_found(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.kubernetes / "manifests").mkdir(parents=True)
    assert any(str(layout.kubernetes) in sign for sign in preflight.foreign_kubernetes(layout))


def test_our_own_unfinished_cluster_is_not_foreign(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    (layout.kubernetes / "manifests").mkdir(parents=True)
    layout.configuration.mkdir(parents=True)
    assert not any(str(layout.kubernetes) in sign for sign in preflight.foreign_kubernetes(layout))


@pytest.mark.parametrize(("files", "expected"), [
    ({"cgroup.controllers": "cpuset cpu io memory pids\n"},
     {"cpuset", "cpu", "io", "memory", "pids"}),
    ({"cpu,cpuacct/x": "", "memory/x": ""}, {"cpu", "cpuacct", "memory"}),
])  # fmt: skip
def test_controllers_of_both_cgroup_versions(
    files: dict[str, str], expected: set[str], tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert preflight.controllers(tmp_path) == expected


def test_a_listener_of_this_machine_is_named(tmp_path: Path) -> None:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        found = preflight.foreign_ports(Layout(tmp_path), (port,))
    assert "process" in found[port]


def test_a_busy_listener_is_told_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens and closes other files while its own are looked at."""
    import socket

    monkeypatch.setattr(preflight, "numbers", lambda: iter([os.getpid()]))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        inode = os.fstat(listener.fileno()).st_ino
        links = [Path("/proc/self/fd/closed"), *Path("/proc/self/fd").iterdir()]
        monkeypatch.setattr(Path, "iterdir", lambda _: iter(links))
        assert preflight.owner_of({f"socket:[{inode}]"}) == os.getpid()
