"""The cluster where systemd is PID 1: its units start it, heal it, bring it back after a boot."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from launcher import count_changes
from systemd_machine import SystemdMachine

UNITS = ("mnist-lab-containerd", "mnist-lab-kubelet")
KUBECTL = "kubectl --kubeconfig=.lab/kubeconfig"


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdMachine]:
    """A booted machine, without a cluster."""
    made = SystemdMachine(tmp_path_factory.mktemp("systemd"))
    made.build()
    try:
        made.boot()
        yield made
    finally:
        made.remove()


def answers(machine: SystemdMachine) -> bool:
    """Whether the API server is ready."""
    return machine.ask(f"{KUBECTL} get --raw /readyz") == "ok"


def test_the_cluster_is_made(machine: SystemdMachine) -> None:
    """Both units run and start at boot; a second run changes nothing."""
    assert count_changes(machine.run("./lab run create-cluster", 600)) > 0
    assert machine.run(f"systemctl is-active {' '.join(UNITS)}").split() == ["active"] * 2
    assert machine.run(f"systemctl is-enabled {' '.join(UNITS)}").split() == ["enabled"] * 2
    # Between its turns it is neither active nor failed for a moment.
    assert machine.run("systemctl is-enabled mnist-lab-snapshots").strip() == "enabled"
    assert " Ready " in machine.run(f"{KUBECTL} get nodes --no-headers")
    assert "systemd" in machine.run("./lab status")
    assert count_changes(machine.run("./lab run create-cluster", 600)) == 0


@pytest.mark.parametrize("unit", UNITS)
def test_a_killed_unit_is_started_again(machine: SystemdMachine, unit: str) -> None:
    """As another process, and the API answers."""
    ask = f"systemctl show -p MainPID --value {unit}"
    before = machine.run(ask).strip()
    machine.run(f"kill -9 {before}")
    machine.wait(lambda: machine.ask(ask) not in (before, "0", ""), 60, f"{unit} to run again")
    machine.wait(lambda: answers(machine), 120, "the API server")
    assert machine.run(f"systemctl is-active {unit}").strip() == "active"


def test_a_boot_brings_it_back(machine: SystemdMachine) -> None:
    """Without any command of ours, and with its data."""
    machine.run(f"{KUBECTL} create configmap keepsake --from-literal=word=kept")
    machine.run("sync")
    machine.cut_power()
    machine.boot()
    machine.wait(lambda: answers(machine), 120, "the API server after the boot")
    found = machine.run(f"{KUBECTL} get configmap keepsake -o jsonpath={{.data.word}}")
    assert found == "kept"
    machine.wait(
        lambda: "Running" in machine.ask(f"{KUBECTL} get pods -n kube-system -l k8s-app=kube-dns"),
        120,
        "cluster DNS",
    )
    assert count_changes(machine.run("./lab run create-cluster", 600)) == 0


def test_it_is_removed(machine: SystemdMachine) -> None:
    """Nothing is left, units included, and systemd has nothing that failed."""
    machine.run("./lab remove", 300)
    units = machine.run("systemctl list-unit-files --no-legend")
    assert "mnist-lab" not in units
    assert machine.run("systemctl --failed --no-legend").strip() == ""
    assert "mnist-lab/" not in machine.run("grep -v '^[^ ]* /var/cache' /proc/mounts")
    for path in ("/etc/mnist-lab", "/var/lib/mnist-lab", "/opt/mnist-lab"):
        assert machine.ask(f"test -e {path} && echo there") == ""
