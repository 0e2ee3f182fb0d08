"""What the cluster's roles leave on the machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from testinfra.host import Host

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "package",
    ["containerd", "runc", "containernetworking-plugins", "iptables", "buildah", "debootstrap"],
)
def test_package_is_installed(host: Host, package: str) -> None:
    assert host.package(package).is_installed


@pytest.mark.parametrize(("path", "mode"), [
    ("/etc/mnist-lab/containerd.toml", 0o644),
    ("/etc/mnist-lab/kubeadm.yml", 0o600),
    ("/etc/mnist-lab/cluster.json", 0o644),
    ("/etc/kubernetes/admin.conf", 0o600),
    (f"{PROJECT}/.lab/kubeconfig", 0o600),
    ("/opt/mnist-lab/bin/kubelet", None),
])  # fmt: skip
def test_file(host: Host, path: str, mode: int | None) -> None:
    file = host.file(path)
    assert file.exists, f"{path} is missing"
    if mode is not None:
        assert file.mode == mode, f"{path} has mode {file.mode:o}, {mode:o} is wanted"


@pytest.mark.parametrize("address", [
    "tcp://0.0.0.0:6443",
    "tcp://0.0.0.0:10250",
    "tcp://127.0.0.1:2379",
])  # fmt: skip
def test_port_listens(host: Host, address: str) -> None:
    protocol, _, port = address.partition("://")[0], None, address.rpartition(":")[2]
    lines = host.check_output("cat /proc/net/tcp /proc/net/tcp6").splitlines()
    wanted = f":{int(port):04X}"
    assert any(wanted in line.split()[1] and line.split()[3] == "0A" for line in lines), protocol


@pytest.mark.parametrize(("name", "value"), [
    ("net.ipv4.ip_forward", 1),
    ("net.bridge.bridge-nf-call-iptables", 1),
])  # fmt: skip
def test_kernel_value(host: Host, name: str, value: int) -> None:
    assert host.sysctl(name) == value


def test_node_address_is_on_an_interface_of_its_own(host: Host) -> None:
    assert host.interface("mnist-lab0").exists
    assert "10.245.0.1" in host.interface("mnist-lab0").addresses


@pytest.mark.parametrize("program", ["containerd", "kubelet"])
def test_program_is_supervised(host: Host, program: str) -> None:
    if host.file("/run/systemd/system").is_directory:
        assert host.service(f"mnist-lab-{program}").is_running
    else:
        told = host.check_output("/opt/mnist-lab/bin/supervisor ctl status %s", program)
        assert "RUNNING" in told, told


def test_kubectl_and_oc_are_the_wanted_version(host: Host) -> None:
    for name in ("kubectl", "oc"):
        told = host.check_output("/opt/mnist-lab/bin/%s version --client", name)
        assert "v1.34.4" in told
