"""Brings a cluster that is there to another configuration, in place.

kubeadm writes the manifests of the control plane and the kubelet's configuration anew, by the
phases with which it made them; the kubelet starts what differs. Data, certificates and what runs
stay.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from embedded_cluster import machine
from embedded_cluster.layout import Layout
from lab_ground.waiting import moments

PHASES = (("etcd", "local"), ("control-plane", "all"), ("kubelet-start",))


def digest(configuration: Path) -> str:
    """What a control plane is configured as: kubeadm's file and the files that it names."""
    content = hashlib.sha256()
    folder = configuration.parent
    named = [configuration, folder / "audit.yml", *sorted((folder / "patches").glob("*"))]
    for path in named:
        if path.exists():
            content.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return content.hexdigest()[:32]


def api_servers() -> set[int]:
    """The API server's processes."""
    return {process.pid for process in machine.processes() if process.program == "kube-apiserver"}


def apply(layout: Layout, configuration: Path, seconds: float = 90.0) -> None:
    """Write what kubeadm wrote anew, and wait until the new API server is there."""
    manifest = layout.kubernetes / "manifests/kube-apiserver.yaml"
    before, running = manifest.read_bytes(), api_servers()
    for phase in PHASES:
        done = subprocess.run(
            [
                str(layout.programs / "bin/kubeadm"),
                "init",
                "phase",
                *phase,
                f"--config={configuration}",
            ],
            capture_output=True,
            text=True,
            env={"PATH": f"{layout.programs}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"},
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(
                f"kubeadm init phase {' '.join(phase)} did not succeed: "
                f"{done.stderr.strip()[-600:]}"
            )
    machine.restart("kubelet", layout)
    if manifest.read_bytes() == before:
        return
    for _ in moments(seconds, 0.5):
        if (servers := api_servers()) and not servers & running:
            return
    raise SystemExit(
        f"The kubelet did not start the API server anew within {seconds:.0f} s. "
        f"Logs: {layout.logs}/kubelet.log and /var/log/pods."
    )
