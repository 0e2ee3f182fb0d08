"""A cluster that was made with other values is refused, not left as it is without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from embedded_cluster import settled
from embedded_cluster.layout import Layout

WRITTEN_BY_KUBEADM = {
    "etc/kubernetes/manifests/kube-controller-manager.yaml": (
        "    - --cluster-cidr=10.244.0.0/20\n    - --service-cluster-ip-range=10.96.0.0/16\n"
    ),
    "etc/kubernetes/manifests/kube-apiserver.yaml": (
        "    - --advertise-address=10.245.0.1\n    - --service-cluster-ip-range=10.96.0.0/16\n"
        "    image: lab.local/kube/kube-apiserver:v1.34.4\n"
    ),
    "etc/kubernetes/manifests/etcd.yaml": "    image: lab.local/kube/etcd:v3.6.4\n",
    "etc/kubernetes/kubelet.conf": "    user: system:node:mnist-lab\n",
    "var/lib/kubelet/config.yaml": (
        "cgroupDriver: cgroupfs\nclusterDNS:\n- 10.96.0.10\nmaxPods: 250\n"
    ),
}
AS_MADE = {
    "kube_pod_network": "10.244.0.0/20",
    "kube_service_network": "10.96.0.0/16",
    "kube_node_address": "10.245.0.1",
    "kube_node_name": "mnist-lab",
    "kube_dns_address": "10.96.0.10",
    "kube_cgroup_driver": "cgroupfs",
    "kube_control_plane_max_pods": "250",
    "kube_etcd_version": "3.6.4",
    "kube_image_repository": "lab.local/kube",
}


@pytest.fixture
def made(tmp_path: Path) -> Layout:
    """A machine with a cluster."""
    for name, text in WRITTEN_BY_KUBEADM.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Layout(tmp_path)


def test_every_setting_is_found(made: Layout) -> None:
    assert settled.read_settings(made) == AS_MADE


def test_the_same_values_are_accepted_numbers_too(made: Layout) -> None:
    assert settled.refusals(made, {**AS_MADE, "kube_control_plane_max_pods": 250}) == []


@pytest.mark.parametrize("variable", sorted(AS_MADE))
def test_another_value_is_refused_with_both_and_the_remedy(made: Layout, variable: str) -> None:
    (said,) = settled.refusals(made, {**AS_MADE, variable: "wanted"})
    assert AS_MADE[variable] in said
    assert f"{variable} is wanted" in said
    assert "./lab remove" in said


def test_a_machine_without_a_cluster_takes_any_value(tmp_path: Path) -> None:
    assert settled.refusals(Layout(tmp_path), AS_MADE) == []
