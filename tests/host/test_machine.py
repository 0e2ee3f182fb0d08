"""What the cluster's roles leave on the machine."""

from __future__ import annotations

import ipaddress
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


EVERYWHERE = {"::", "0.0.0.0"}


def listeners(host: Host, port: int) -> set[str]:
    """The addresses at which something listens on that port of TCP."""
    found = set()
    for line in host.check_output("cat /proc/net/tcp /proc/net/tcp6").splitlines():
        words = line.split()
        address, _, number = words[1].partition(":")
        if words[3] == "0A" and int(number, 16) == port:
            # Words of four bytes, each as this machine keeps a number.
            parts = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
            found.add(str(ipaddress.ip_address(b"".join(parts))))
    return found


@pytest.mark.parametrize(("port", "addresses"), [
    (6443, EVERYWHERE),
    (10250, EVERYWHERE),
    # Only what is on this machine may ask etcd, or the parts of the control plane, anything.
    (2379, {"127.0.0.1"}),
    (2380, {"10.245.0.1"}),
    (2381, {"127.0.0.1"}),
    (10248, {"127.0.0.1"}),
    (10249, {"127.0.0.1"}),
    (10257, {"127.0.0.1"}),
    (10259, {"127.0.0.1"}),
    (10261, {"127.0.0.1"}),
])  # fmt: skip
def test_port_listens_where_it_should(host: Host, port: int, addresses: set[str]) -> None:
    found = listeners(host, port)
    assert found
    assert found <= addresses


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
