"""Finds every reason why this machine cannot carry the embedded cluster, before anything changes.

Each problem is a sentence with the value found, the value needed and what mends it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from embedded_cluster import cluster, machine, room_dns, settled
from embedded_cluster.layout import Layout, cache_directory
from lab_ground.processes import descendants, numbers

CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
# Bits of /proc/self/status CapEff that mounting, networks and cgroups need.
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
GIB = 1 << 30


@dataclass(frozen=True)
class Requirements:
    """What the machine must offer."""

    cores: int = 2
    memory_gib: float = 6.0
    disk_gib: float = 20.0
    debian: int = 12
    ports: tuple[int, ...] = (6443, 10250, 80, 443)
    # Where laptops of a room without DNS are to ask for the base domain; empty: nowhere.
    room_dns: str = ""
    base_domain: str = ""


@dataclass(frozen=True)
class Machine:
    """What the machine offers; tests make one up."""

    user_id: int
    os_release: dict[str, str]
    cores: int
    memory: int
    disk_free: int
    disk_path: str
    controllers: frozenset[str]
    capabilities: int
    # Ports that somebody else than the cluster listens on, with the listener's name.
    foreign_ports: dict[int, str]
    # Signs of a Kubernetes that is not ours.
    foreign_kubernetes: tuple[str, ...]
    # Whether /etc/resolv.conf is there, which containerd hands on to the cluster's own pods.
    resolver: bool


def problems(machine: Machine, required: Requirements) -> list[str]:
    """Every reason against this machine, as sentences."""
    checks: tuple[Callable[[Machine, Requirements], list[str]], ...] = (
        check_user,
        check_system,
        check_size,
        check_cgroups,
        check_ports,
        check_kubernetes,
        check_resolver,
    )
    return [problem for check in checks for problem in check(machine, required)]


def check_user(machine: Machine, _: Requirements) -> list[str]:
    """Root, with the capabilities that root usually has."""
    if machine.user_id != 0:
        return [
            f"You are user {machine.user_id} and the cluster's parts must be started by root (0): "
            "run sudo ./lab up, or point LAB_INVENTORY=kubernetes at a cluster that exists."
        ]
    return [
        f"The capability {name} is missing (CapEff is {machine.capabilities:016x}) and containers "
        "cannot be started without it: run on a machine, or in a privileged container."
        for name, bit in sorted(CAPABILITIES.items())
        if not machine.capabilities >> bit & 1
    ]


def check_system(machine: Machine, required: Requirements) -> list[str]:
    """Debian, new enough."""
    name = machine.os_release.get("PRETTY_NAME", machine.os_release.get("ID", "unknown"))
    version = machine.os_release.get("VERSION_ID", "0").split(".")[0]
    if machine.os_release.get("ID") != "debian":
        return [
            f"The system is {name} and Debian {required.debian} or newer is needed: use such a "
            "machine, or point LAB_INVENTORY=kubernetes at a cluster that exists."
        ]
    if not version.isdigit() or int(version) < required.debian:
        return [
            f"The system is Debian {version} and {required.debian} or newer is needed: upgrade it, "
            "or lower lab_preflight_debian if you know that its containerd is 1.6 or newer."
        ]
    return []


def check_size(machine: Machine, required: Requirements) -> list[str]:
    """Cores, memory and disk."""
    sentences = []
    if machine.cores < required.cores:
        sentences.append(
            f"There are {machine.cores} CPU cores and {required.cores} are needed: give the "
            "machine more, or set lab_preflight_cores."
        )
    if machine.memory < required.memory_gib * GIB:
        sentences.append(
            f"There are {machine.memory / GIB:.1f} GiB of memory and {required.memory_gib:g} GiB "
            "are needed: give the machine more, or set lab_preflight_memory_gib."
        )
    if machine.disk_free < required.disk_gib * GIB:
        sentences.append(
            f"{machine.disk_path} has {machine.disk_free / GIB:.1f} GiB free and "
            f"{required.disk_gib:g} GiB are needed: free some (./lab remove --purge-cache drops "
            "the cache), or set lab_preflight_disk_gib."
        )
    return sentences


def check_cgroups(machine: Machine, _: Requirements) -> list[str]:
    """The cgroup controllers that pods are limited with."""
    missing = [name for name in CONTROLLERS if name not in machine.controllers]
    if not missing:
        return []
    return [
        f"The cgroup controllers {', '.join(missing)} are missing (found: "
        f"{', '.join(sorted(machine.controllers)) or 'none'}; needed: {', '.join(CONTROLLERS)}): "
        "start the kernel with cgroup_enable=memory, or mount them under /sys/fs/cgroup."
    ]


def check_ports(machine: Machine, required: Requirements) -> list[str]:
    """The ports that the API server, the kubelet and the router take."""
    return [
        f"Port {port} is taken by {machine.foreign_ports[port]} and must be free for the cluster: "
        f"stop it (ss -ltnp 'sport = :{port}' shows it)."
        for port in required.ports
        if port in machine.foreign_ports
    ]


def check_kubernetes(machine: Machine, _: Requirements) -> list[str]:
    """No other Kubernetes on this machine."""
    return [
        f"{sign}, which is not of this suite's making, and two cannot live on one machine: remove "
        "that one (kubeadm reset, k3s-uninstall.sh), or use it with LAB_INVENTORY=kubernetes."
        for sign in machine.foreign_kubernetes
    ]


def check_resolver(machine: Machine, _: Requirements) -> list[str]:
    """The file without which containerd starts no pod on the machine's own network."""
    if machine.resolver:
        return []
    return [
        "/etc/resolv.conf is missing (or points nowhere) and must be a file, even an empty one: "
        "write the machine's name servers into it, or start what writes it (systemd-resolved)."
    ]


def look(layout: Layout) -> Machine:
    """Find out what this machine offers."""
    disk_path = next(
        path for path in (cache_directory(), *cache_directory().parents) if path.exists()
    )
    memory = 0
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            memory = int(line.split()[1]) * 1024
    capabilities = 0
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            capabilities = int(line.split()[1], 16)
    return Machine(
        user_id=os.geteuid(),
        os_release=read_os_release(layout.root / "etc/os-release"),
        cores=len(os.sched_getaffinity(0)),
        memory=memory,
        # What the cluster and the cache hold already need not be found again.
        disk_free=shutil.disk_usage(disk_path).free + already_used(layout),
        disk_path=str(disk_path),
        controllers=controllers(layout.root / "sys/fs/cgroup"),
        capabilities=capabilities,
        foreign_ports=foreign_ports(layout),
        foreign_kubernetes=tuple(foreign_kubernetes(layout)),
        resolver=(layout.root / "etc/resolv.conf").is_file(),
    )


def already_used(layout: Layout) -> int:
    """A generous part of the wanted room, where a cluster of ours fills it already."""
    return 15 * GIB if layout.record.exists() else 0


def read_os_release(path: Path) -> dict[str, str]:
    """The system's own description of itself."""
    table = {}
    if path.exists():
        for line in path.read_text().splitlines():
            key, separator, value = line.partition("=")
            if separator:
                table[key] = value.strip().strip('"')
    return table


def controllers(root: Path) -> frozenset[str]:
    """The cgroup controllers, of version 2 or 1."""
    unified = root / "cgroup.controllers"
    if unified.exists():
        return frozenset(unified.read_text().split())
    if not root.is_dir():
        return frozenset()
    return frozenset(
        name for path in root.iterdir() if path.is_dir() for name in path.name.split(",")
    )


def listeners() -> dict[int, set[str]]:
    """Inodes of the listening TCP sockets, by port."""
    by_port: dict[int, set[str]] = {}
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if words[3] == "0A":
                by_port.setdefault(int(words[1].rpartition(":")[2], 16), set()).add(words[9])
    return by_port


def own_processes(layout: Layout) -> set[int]:
    """Process ids of the cluster: its supervisor, kubelet, containerd and all containers."""
    kinds = (machine.is_supervisor, machine.is_kubelet, machine.is_containerd, machine.is_shim)
    roots = {process.pid for kind in kinds for process in machine.of_kind(kind, layout)}
    return roots | set(descendants(roots))


def foreign_ports(layout: Layout, ports: tuple[int, ...] = Requirements().ports) -> dict[int, str]:
    """Which of the ports somebody else listens on."""
    taken = {port: inodes for port, inodes in listeners().items() if port in ports}
    if not taken:
        return {}
    ours = own_processes(layout)
    foreign: dict[int, str] = {}
    for port, inodes in taken.items():
        owner = owner_of({f"socket:[{inode}]" for inode in inodes})
        if owner is None or owner not in ours:
            foreign[port] = name_of(inodes)
    return foreign


def name_of(inodes: set[str]) -> str:
    """Who holds one of these sockets, for a sentence."""
    owner = owner_of({f"socket:[{inode}]" for inode in inodes})
    if owner is None:
        return "another process"
    return f"{Path(f'/proc/{owner}/comm').read_text().strip()} (process {owner})"


def owner_of(sockets: set[str]) -> int | None:
    """The process that holds one of these sockets."""
    return next((number for number in numbers() if sockets & set(open_files(number))), None)


def open_files(process: int) -> Iterator[str]:
    """What a process has open; what it closes meanwhile, and a process that ends, is left out."""
    try:
        links = list(Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return
    for link in links:
        with contextlib.suppress(OSError):
            yield str(link.readlink())


def foreign_kubernetes(layout: Layout) -> list[str]:
    """Signs of another Kubernetes; where /etc/mnist-lab is, a cluster of ours was begun."""
    signs = []
    ours = layout.configuration.exists()
    if (layout.kubernetes / "manifests").exists() and not ours:
        signs.append(f"There is a Kubernetes in {layout.kubernetes}")
    for path, name in (("etc/rancher/k3s", "k3s"), ("var/snap/microk8s", "MicroK8s")):
        if (layout.root / path).exists():
            signs.append(f"There is {name} in /{path}")
    for process in machine.processes():
        if process.program == "kubelet" and not machine.is_kubelet(process, layout):
            signs.append(f"A kubelet runs as process {process.pid}")
        elif process.program in ("k3s", "k3s-server", "k0s"):
            signs.append(f"{process.program} runs as process {process.pid}")
    return signs


def main() -> int:
    """Print the problems as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wanted", type=json.loads, default={})
    parser.add_argument("--cluster", type=json.loads, default={})
    parser.add_argument("--settings", type=json.loads, default={})
    arguments = parser.parse_args()
    if "ports" in arguments.wanted:
        arguments.wanted["ports"] = tuple(arguments.wanted["ports"])
    layout = Layout()
    state = cluster.inspect(layout, arguments.cluster)
    required = Requirements(**arguments.wanted)
    reasons = problems(look(layout), required)
    reasons += room_dns.refusals(required.room_dns, required.base_domain, name_of)
    if state["state"] in ("stopped", "unhealthy", "healthy"):  # otherwise it is made anew
        reasons += settled.refusals(layout, arguments.settings)
    print(json.dumps({"problems": reasons, **state}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
