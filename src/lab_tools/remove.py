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

from lab_tools import cluster, machine
from lab_tools.layout import Layout, cache_directory, project_directory

INTERFACES = ("mnist-lab0", "mnist-lab-br")
CHAIN_PREFIXES = ("KUBE-", "CNI-")
FAMILIES = ("iptables", "ip6tables")


def named_paths(layout: Layout) -> list[Path]:
    """Files and directories that bear the suite's name: ours, whoever made them and when.

    The runtime directory is there before any cluster, where images were built first.
    """
    root = layout.root
    return [
        layout.programs,
        layout.configuration,
        layout.data,
        layout.runtime,
        layout.logs,
        *sorted((root / "var/lib/cni/results").glob("mnist-lab-*")),
        *sorted((root / "var/lib/cni/cache/results").glob("mnist-lab-*")),
        *sorted((root / "etc/systemd/system").glob("mnist-lab-*")),
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
    shared = shared_paths(layout) if was_ours or ours(layout) else []
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


def ours(layout: Layout) -> bool:
    """Whether this suite ever began a cluster here; only then is /etc/kubernetes ours to remove."""
    return any(path.exists() for path in (layout.configuration, layout.data, layout.programs))


def own_processes(layout: Layout) -> list[machine.Process]:
    """The cluster's processes, containers included."""
    kinds = (
        machine.is_supervisor,
        machine.is_kubelet,
        machine.is_containerd,
        machine.is_start_script,
        machine.is_shim,
    )
    roots = {process.pid for kind in kinds for process in machine.of_kind(kind, layout)}
    pids = roots | set(machine.descendants(roots))
    return [process for process in machine.processes() if process.pid in pids]


def own_mounts(layout: Layout) -> list[str]:
    """Mount points of the cluster, innermost first."""
    roots = (str(layout.runtime), str(layout.data), str(layout.kubelet))
    prefixes = tuple(f"{root}/" for root in roots)
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point in roots or point.startswith(prefixes):
            points.append(point)
    return points[::-1]


def own_interfaces() -> list[str]:
    """The node's interface, the pods' bridge and what is plugged into it."""
    found = []
    for path in Path("/sys/class/net").iterdir():
        master = path / "master"
        if path.name in INTERFACES or (
            master.exists() and master.readlink().name == "mnist-lab-br"
        ):
            found.append(path.name)
    return sorted(found)


def tables(family: str) -> dict[str, list[str]]:
    """Lines of iptables-save, by table."""
    program = shutil.which(f"{family}-save", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        return {}
    done = subprocess.run([program], capture_output=True, text=True, check=False)
    found: dict[str, list[str]] = {}
    table = ""
    for line in done.stdout.splitlines():
        if line.startswith("*"):
            table = line[1:]
            found[table] = []
        elif table and line[:1] in (":", "-"):
            found[table].append(line)
    return found


def is_own_rule(line: str) -> bool:
    """Whether a rule stands in a chain of ours, leads to one or is marked as ours."""
    words = line.split()
    if not line.startswith("-A "):
        return False
    targets = [words[i + 1] for i, word in enumerate(words[:-1]) if word in ("-j", "-g")]
    names = [words[1], *targets]
    return any(name.startswith(CHAIN_PREFIXES) for name in names) or (
        "--comment mnist-lab " in line + " "
    )


def own_chains() -> list[str]:
    """Chains of the cluster and rules that lead there, as `family table name`."""
    found = []
    for family in FAMILIES:
        for table, lines in tables(family).items():
            for line in lines:
                if line.startswith(":") and line[1:].startswith(CHAIN_PREFIXES):
                    found.append(f"{family} {table} {line[1:].split()[0]}")
                elif is_own_rule(line) and not line.split()[1].startswith(CHAIN_PREFIXES):
                    found.append(f"{family} {table} {line}")
    return found


def own_cgroups(layout: Layout) -> list[Path]:
    """The pods' control groups."""
    root = layout.root / "sys/fs/cgroup"
    found = [path for pattern in ("kubepods*", "*/kubepods*") for path in root.glob(pattern)]
    return sorted(path for path in found if path.is_dir())


def own_namespaces(layout: Layout) -> list[Path]:
    """Network namespaces that the container runtime named and no pod uses any more."""
    directory = layout.root / "run/netns"
    return sorted(directory.glob("cni-*")) if directory.is_dir() and ours(layout) else []


def inventory(
    layout: Layout, extra: Iterable[Path] = (), *, was_ours: bool = False
) -> dict[str, list[str]]:
    """Everything of the cluster that is on this machine."""
    paths = [*own_paths(layout, was_ours=was_ours), *extra]
    return {
        "processes": [
            f"{process.pid} {' '.join(process.arguments)[:100]}"
            for process in own_processes(layout)
        ],
        "mounts": own_mounts(layout),
        "network namespaces": [str(path) for path in own_namespaces(layout)],
        "interfaces": own_interfaces(),
        "iptables chains": own_chains(),
        "control groups": [str(path) for path in own_cgroups(layout)],
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


def remove_chains() -> None:
    """Delete the chains and what leads to them; every other rule stays as it is."""
    for family in FAMILIES:
        restore = shutil.which(f"{family}-restore", path="/usr/sbin:/sbin:/usr/bin:/bin")
        if restore is None:
            continue
        script = []
        for table, lines in tables(family).items():
            rules = [line for line in lines if is_own_rule(line)]
            chains = [
                line[1:].split()[0]
                for line in lines
                if line.startswith(":") and line[1:].startswith(CHAIN_PREFIXES)
            ]
            if rules or chains:
                outside = [r for r in rules if not r.split()[1].startswith(CHAIN_PREFIXES)]
                script += [f"*{table}", *("-D" + rule[2:] for rule in outside)]
                script += [f"-F {name}" for name in chains]
                script += [f"-X {name}" for name in chains]
                script.append("COMMIT")
        if script:
            subprocess.run(
                [restore, "--noflush"],
                input="\n".join(script) + "\n",
                text=True,
                check=False,
                stdout=subprocess.DEVNULL,
            )


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


def tell(title: str, found: dict[str, list[str]]) -> None:
    """Print an inventory."""
    print(title)
    for kind, items in found.items():
        print(f"  {kind:20} {len(items):4}")


def main() -> int:
    """Remove the cluster; the exit code is 0 when the inventory is empty afterwards."""
    parser = argparse.ArgumentParser(prog="./lab remove", description=__doc__)
    parser.add_argument("--purge-cache", action="store_true", help="remove $LAB_CACHE too")
    parser.add_argument("--inventory", action="store_true", help="only tell what there is")
    arguments = parser.parse_args()
    layout = Layout()
    state = project_directory() / ".lab"
    extra = [state / name for name in ("kubeconfig", "access.json", "ca.crt")]
    extra += state.glob("access-*.json")
    if arguments.purge_cache:
        extra.append(cache_directory())
    was_ours = ours(layout)
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
    remove_chains()
    remove_cgroups(layout)
    restore_sysctl(layout)
    remove_files(layout, extra)
    after = inventory(layout, extra, was_ours=was_ours)
    tell(f"After {time.monotonic() - started:.0f} s:", after)
    left = [f"{kind}: {item}" for kind, items in after.items() for item in items]
    for line in left:
        print(f"  left: {line}")
    print("Nothing of the cluster is left." if not left else f"{len(left)} things are left.")
    if not arguments.purge_cache:
        print(f"Kept: the cache {cache_directory()} (--purge-cache removes it), Debian packages.")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
