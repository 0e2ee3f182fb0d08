"""Where the embedded cluster keeps its things on the machine. The roles use the same paths."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The paths of one embedded cluster; tests put them under another root."""

    root: Path = Path("/")

    @property
    def programs(self) -> Path:
        """Binaries, start scripts and the supervisor."""
        return self.root / "opt/mnist-lab"

    @property
    def configuration(self) -> Path:
        """Configuration files, and the record that says this cluster is ours."""
        return self.root / "etc/mnist-lab"

    @property
    def data(self) -> Path:
        """etcd, containerd's images and the learners' volumes."""
        return self.root / "var/lib/mnist-lab"

    @property
    def runtime(self) -> Path:
        """Sockets, pid files and mounts that a reboot clears."""
        return self.root / "run/mnist-lab"

    @property
    def logs(self) -> Path:
        """Logs of the supervised programs."""
        return self.root / "var/log/mnist-lab"

    @property
    def record(self) -> Path:
        """What was made here: version, layout and key of the binaries, as JSON."""
        return self.configuration / "cluster.json"

    @property
    def begun(self) -> bool:
        """Whether this suite ever began a cluster here.

        Only then is ours what every Kubernetes names alike: /etc/kubernetes, a kubelet, chains.
        """
        return any(path.exists() for path in (self.configuration, self.data, self.programs))

    @property
    def containerd_socket(self) -> Path:
        """Address of the cluster's own containerd."""
        return self.runtime / "containerd.sock"

    @property
    def kubernetes(self) -> Path:
        """What kubeadm writes: certificates, kubeconfigs, static pods."""
        return self.root / "etc/kubernetes"

    @property
    def kubelet(self) -> Path:
        """The kubelet's own directory, with the pods' mounts."""
        return self.root / "var/lib/kubelet"

    @property
    def admin_kubeconfig(self) -> Path:
        """The administrator's kubeconfig as kubeadm wrote it."""
        return self.kubernetes / "admin.conf"


def cache_directory() -> Path:
    """The cache that every checkout on this machine shares."""
    return Path(os.environ.get("LAB_CACHE", "/var/cache/mnist-lab"))


def project_directory() -> Path:
    """The checkout this module belongs to."""
    return Path(__file__).resolve().parents[2]
