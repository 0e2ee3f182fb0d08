"""Takes the embedded cluster off this machine, and proves by inventory that nothing is left.

Works on a cluster in any state, a half-made one too: each step removes what it finds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from embedded_cluster import cluster, iptables, machine, nftables
from embedded_cluster.layout import Layout, cache_directory, project_directory
from lab_ground.processes import descendants
from lab_ground.streams import outlive_readers

MOUNTS = Path("/proc/self/mountinfo")
INTERFACES = ("mnist-lab0", "mnist-lab-br")


def named_paths(layout: Layout) -> list[Path]:
    """Files and directories that bear the suite's name: ours, whoever made them and when.

    The runtime directory is there before any cluster, where images were built first. The nightly
    run's timer is not the cluster's: it may be what started this removal.
    """
    root = layout.root
    units = sorted((root / "etc/systemd/system").glob("mnist-lab-*"))
    return [
        layout.programs,
        layout.configuration,
        layout.data,
        layout.runtime,
        layout.logs,
        *sorted((root / "var/lib/cni/results").glob("mnist-lab-*")),
        *sorted((root / "var/lib/cni/cache/results").glob("mnist-lab-*")),
        *[unit for unit in units if not unit.name.startswith("mnist-lab-nightly.")],
        *own_links(layout),
    ]


def shared_paths(layout: Layout) -> list[Path]:
    """Directories that every Kubernetes makes: ours only where this suite began a cluster."""
    root = layout.root
    return [
        layout.kubernetes,
        layout.kubelet,
        root / "var/lib/kube-proxy",
        root / "var/log/pods",
        root / "var/log/containers",
        root / "usr/libexec/kubernetes",
    ]


def own_paths(layout: Layout, *, was_ours: bool = False) -> list[Path]:
    """What a removal may take, there or not."""
    shared = shared_paths(layout) if was_ours or layout.begun else []
    return [*named_paths(layout), *shared]


def own_links(layout: Layout) -> list[Path]:
    """Links to the cluster's programs among the machine's."""
    directory = layout.root / "usr/local/bin"
    if not directory.is_dir():
        return []
    return sorted(
        path
        for path in directory.iterdir()
        if path.is_symlink() and str(path.readlink()).startswith(f"{layout.programs}/")
    )


def own_processes(layout: Layout, *, was_ours: bool = False) -> list[machine.Process]:
    """The cluster's processes, containers included."""
    kinds = (
        machine.is_supervisor,
        machine.is_kubelet_of_kubeadm if was_ours else machine.is_kubelet,
        machine.is_containerd,
        machine.is_start_script,
        machine.is_shim,
    )
    roots = {process.pid for kind in kinds for process in machine.of_kind(kind, layout)}
    pids = roots | set(descendants(roots))
    return [process for process in machine.processes() if process.pid in pids]


def own_mounts(layout: Layout, *, was_ours: bool = False) -> list[str]:
    """Mount points of the cluster, innermost first."""
    shared = [layout.kubelet] if was_ours or layout.begun else []
    roots = [str(path) for path in (layout.runtime, layout.data, *shared)]
    prefixes = tuple(f"{root}/" for root in roots)
    points = []
    for line in MOUNTS.read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point in roots or point.startswith(prefixes):
            points.append(point)
    return points[::-1]


def own_interfaces() -> list[str]:
    """The node's interface, the pods' bridge and what is plugged into it."""
    names = []
    for path in Path("/sys/class/net").iterdir():
        master = path / "master"
        if path.name in INTERFACES or (
            master.exists() and master.readlink().name == "mnist-lab-br"
        ):
            names.append(path.name)
    return sorted(names)


def own_chains(layout: Layout, *, was_ours: bool = False) -> list[str]:
    """The cluster's chains; every Kubernetes, and podman, gives its own the same names."""
    return iptables.chains() if was_ours or layout.begun else []


def own_cgroups(layout: Layout, *, was_ours: bool = False) -> list[Path]:
    """The pods' control groups; every Kubernetes gives its own the same names."""
    if not (was_ours or layout.begun):
        return []
    root = layout.root / "sys/fs/cgroup"
    paths = [path for pattern in ("kubepods*", "*/kubepods*") for path in root.glob(pattern)]
    return sorted(path for path in paths if path.is_dir())


def own_namespaces(layout: Layout) -> list[Path]:
    """Network namespaces that the container runtime named and no pod uses any more."""
    directory = layout.root / "run/netns"
    return sorted(directory.glob("cni-*")) if directory.is_dir() and layout.begun else []


def inventory(
    layout: Layout, extra: Iterable[Path] = (), *, was_ours: bool = False
) -> dict[str, list[str]]:
    """Everything of the cluster that is on this machine."""
    paths = [*own_paths(layout, was_ours=was_ours), *extra]
    return {
        "processes": [
            f"{process.pid} {' '.join(process.arguments)[:100]}"
            for process in own_processes(layout, was_ours=was_ours)
        ],
        "mounts": own_mounts(layout, was_ours=was_ours),
        "network namespaces": [str(path) for path in own_namespaces(layout)],
        "interfaces": own_interfaces(),
        "iptables chains": own_chains(layout, was_ours=was_ours),
        "nftables tables": nftables.tables(),
        "control groups": [str(path) for path in own_cgroups(layout, was_ours=was_ours)],
        "files": [str(path) for path in paths if path.exists() or path.is_symlink()],
    }


def remove_processes(layout: Layout) -> None:
    """End the supervisor first, or it would start again what ends after it."""
    machine.stop_supervision(layout)
    cluster.end_containers(layout)
    machine.end(process.pid for process in own_processes(layout))


def remove_mounts(layout: Layout) -> None:
    """Unmount, innermost first; what is busy goes with its last user."""
    for point in own_mounts(layout):
        subprocess.run(["umount", "-l", point], check=False, capture_output=True)
    for path in own_namespaces(layout):
        subprocess.run(["umount", "-l", str(path)], check=False, capture_output=True)
        path.unlink(missing_ok=True)


def remove_interfaces() -> None:
    """Delete the interfaces."""
    for name in own_interfaces():
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


def remove_chains(layout: Layout) -> None:
    """Delete the cluster's chains and what leads to them."""
    if own_chains(layout):
        iptables.remove_chains()


def remove_cgroups(layout: Layout) -> None:
    """Remove the control groups, the innermost first."""
    for _ in range(20):
        groups = own_cgroups(layout)
        if not groups:
            return
        for group in groups:
            for directory, _names, _files in os.walk(group, topdown=False):
                try:
                    Path(directory).rmdir()
                except OSError:
                    continue
        time.sleep(0.1)


def restore_sysctl(layout: Layout) -> None:
    """Put back the kernel values that were there before the cluster."""
    try:
        lines = (layout.configuration / "sysctl.before").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        name, _, value = line.partition("=")
        try:
            Path("/proc/sys", *name.split(".")).write_text(value)
        except OSError as error:
            print(f"could not put {name} back to {value}: {error}", file=sys.stderr)


def remove_files(layout: Layout, extra: Iterable[Path]) -> None:
    """Delete the files; the machine's own directories stay."""
    paths = [*own_paths(layout), *extra]
    # The directory that says "ours" goes last: stopped half-way, a second call still knows.
    paths.sort(key=lambda path: path == layout.configuration)
    for path in paths:
        if path.is_symlink() or path.is_file():
            path.unlink(missing_ok=True)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def tell(title: str, inventoried: dict[str, list[str]]) -> None:
    """Print an inventory."""
    print(title)
    for kind, items in inventoried.items():
        print(f"  {kind:20} {len(items):4}")


def main() -> int:
    """Remove the cluster; the exit code is 0 when the inventory is empty afterwards."""
    parser = argparse.ArgumentParser(prog="./lab remove", description=__doc__)
    parser.add_argument("--purge-cache", action="store_true", help="remove $LAB_CACHE too")
    parser.add_argument("--inventory", action="store_true", help="only tell what there is")
    arguments = parser.parse_args()
    layout = Layout()
    state = project_directory() / ".lab"
    extra = [state / name for name in ("kubeconfig", "access.json", "ca.crt", "base-domain")]
    extra += state.glob("access-*.json")
    if arguments.purge_cache:
        extra.append(cache_directory())
    was_ours = layout.begun
    before = inventory(layout, extra)
    tell("On this machine before:", before)
    if arguments.inventory:
        return 0
    if os.geteuid() != 0:
        print("Only root can remove the cluster: sudo ./lab remove", file=sys.stderr)
        return 2
    started = time.monotonic()
    remove_processes(layout)
    remove_mounts(layout)
    remove_interfaces()
    remove_chains(layout)
    nftables.remove_tables()
    remove_cgroups(layout)
    restore_sysctl(layout)
    remove_files(layout, extra)
    after = inventory(layout, extra, was_ours=was_ours)
    tell(f"After {time.monotonic() - started:.0f} s:", after)
    remains = [f"{kind}: {item}" for kind, items in after.items() for item in items]
    for line in remains:
        print(f"  left: {line}")
    print("Nothing of the cluster is left." if not remains else f"{len(remains)} things are left.")
    if not arguments.purge_cache:
        print(f"Kept: the cache {cache_directory()} (--purge-cache removes it), Debian packages.")
    return 1 if remains else 0


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
