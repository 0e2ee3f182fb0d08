"""What a cluster is made with for life: the values that no later run can change in place.

They are read from what kubeadm wrote, so that every cluster on the machine has them, whichever
checkout made it. A run that wants another value is refused before anything changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from embedded_cluster.layout import Layout

MANIFESTS = "etc/kubernetes/manifests"
KUBELET = "var/lib/kubelet/config.yaml"


@dataclass(frozen=True)
class Setting:
    """One value: its variable, what a person calls it, and where the cluster keeps it."""

    variable: str
    name: str
    file: str
    pattern: str


SETTINGS = (
    Setting(
        "kube_pod_network",
        "pod network",
        f"{MANIFESTS}/kube-controller-manager.yaml",
        r"--cluster-cidr=(\S+)",
    ),
    Setting(
        "kube_service_network",
        "service network",
        f"{MANIFESTS}/kube-apiserver.yaml",
        r"--service-cluster-ip-range=(\S+)",
    ),
    Setting(
        "kube_node_address",
        "node address",
        f"{MANIFESTS}/kube-apiserver.yaml",
        r"--advertise-address=(\S+)",
    ),
    Setting(
        "kube_node_name",
        "node name",
        "etc/kubernetes/kubelet.conf",
        r"user: system:node:(\S+)",
    ),
    Setting("kube_dns_address", "DNS address", KUBELET, r"clusterDNS:\s+- (\S+)"),
    Setting("kube_cgroup_driver", "cgroup driver", KUBELET, r"cgroupDriver: (\S+)"),
    Setting("kube_control_plane_max_pods", "limit of pods", KUBELET, r"maxPods: (\d+)"),
    Setting("kube_etcd_version", "etcd", f"{MANIFESTS}/etcd.yaml", r"image: \S+/etcd:v(\S+)"),
    Setting(
        "kube_image_repository",
        "repository of its images",
        f"{MANIFESTS}/kube-apiserver.yaml",
        r"image: (\S+)/kube-apiserver:",
    ),
)


def read_settings(layout: Layout) -> dict[str, str]:
    """Return the values of the cluster on this machine, by variable; those that are to be found."""
    values = {}
    for setting in SETTINGS:
        path = layout.root / setting.file
        match = re.search(setting.pattern, path.read_text()) if path.is_file() else None
        if match:
            values[setting.variable] = match[1]
    return values


def refusals(layout: Layout, asked: Mapping[str, object]) -> list[str]:
    """Say of each wanted value that the cluster was made with another, and what to do."""
    settled = read_settings(layout)
    return [
        f"The cluster was made with the {setting.name} {settled[setting.variable]} and "
        f"{setting.variable} is {asked[setting.variable]}, which cannot be changed while it "
        f"lives: set {setting.variable} back, or run ./lab remove first, which loses everything "
        "in the cluster."
        for setting in SETTINGS
        if setting.variable in settled
        and setting.variable in asked
        and str(asked[setting.variable]) != settled[setting.variable]
    ]
