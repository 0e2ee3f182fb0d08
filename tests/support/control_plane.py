"""The embedded cluster's own processes."""

from __future__ import annotations

from pathlib import Path

from embedded_cluster import machine

NAMES = (
    "containerd",
    "coredns",
    "etcd",
    "kube-apiserver",
    "kube-controller",
    "kube-network-po",
    "kube-proxy",
    "kube-scheduler",
    "kubelet",
    "local-path-prov",
)


def memory_mib() -> float:
    """Memory of the control plane, pages that several processes share counted once."""
    total = 0
    for process in machine.processes():
        base = Path(f"/proc/{process.pid}")
        try:
            if (base / "comm").read_text().strip() in NAMES:
                lines = (base / "smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        except OSError:
            continue
    return total / 1024
