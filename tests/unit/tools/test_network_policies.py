"""Known enforcers of NetworkPolicies are recognised; a plugin that enforces none is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from embedded_cluster.network_policies import (
    CONDITION,
    Enforcer,
    Report,
    find_enforcers,
    find_reports,
    tell,
)
from embedded_cluster.nftables import TABLE

PROJECT = Path(__file__).resolve().parents[3]


def daemon_set(
    name: str, namespace: str = "kube-system", *, ready: int = 1, **container: Any
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [{"name": "main", **container}]}}},
        "status": {"numberReady": ready},
    }


def node(version: str, arguments: str = "[]") -> dict[str, Any]:
    return {
        "metadata": {"name": "n", "annotations": {"k3s.io/node-args": arguments}},
        "status": {"nodeInfo": {"kubeletVersion": version}},
    }


def test_our_own_is_known_by_the_name_that_it_is_installed_under() -> None:
    text = (PROJECT / "roles/kube_addons/templates/network-policy.yml.j2").read_text()
    plain = re.sub(r"{{.*?}}", "value", text)
    [ours] = [one for one in yaml.safe_load_all(plain) if one["kind"] == "DaemonSet"]
    [found] = find_enforcers([{**ours, "status": {"numberReady": 1}}])
    assert found == Enforcer(
        "the suite's own program", "DaemonSet kube-system/kube-network-policy", 1
    )


@pytest.mark.parametrize(("present", "name"), [
    (daemon_set("calico-node", "calico-system"), "Calico"),
    (daemon_set("cilium"), "Cilium"),
    (daemon_set("ovnkube-node", "openshift-ovn-kubernetes"), "OVN-Kubernetes"),
    (daemon_set("sdn", "openshift-sdn"), "OpenShift SDN"),
    (daemon_set("kindnet", image="docker.io/kindest/kindnetd:v20241108-5c6d2daf"), "kindnet"),
    (daemon_set("aws-node", args=["--enable-network-policy=true"]), "Amazon VPC CNI"),
])  # fmt: skip
def test_known_plugins(present: dict[str, Any], name: str) -> None:
    assert [one.name for one in find_enforcers([present])] == [name]


@pytest.mark.parametrize("absent", [
    daemon_set("kube-flannel-ds", "kube-flannel"),
    daemon_set("kube-proxy"),
    daemon_set("sdn", "mine"),
    daemon_set("kindnet", image="docker.io/kindest/kindnetd:v20240202-8f1494ea"),
    daemon_set("kindnet", image="docker.io/kindest/kindnetd:latest"),
    daemon_set("aws-node", args=["--enable-network-policy=false"]),
])  # fmt: skip
def test_plugins_that_enforce_none(absent: dict[str, Any]) -> None:
    assert find_enforcers([absent]) == []


@pytest.mark.parametrize(("one", "enforced"), [
    (node("v1.34.1+k3s1"), True),
    (node("v1.34.1+k3s1", '["server","--disable-network-policy"]'), False),
    (node("v1.34.4"), False),
])  # fmt: skip
def test_k3s_is_known_by_its_nodes(one: dict[str, Any], enforced: bool) -> None:
    assert bool(find_enforcers([], [one])) is enforced


def test_what_is_told() -> None:
    good = find_enforcers([daemon_set("cilium")])
    assert tell(good) == (
        True,
        "NetworkPolicies are enforced by Cilium (DaemonSet kube-system/cilium).",
    )
    well, sentence = tell(find_enforcers([daemon_set("cilium", ready=0)]))
    assert not well
    assert "ready on no node" in sentence
    well, sentence = tell([])
    assert not well
    assert "not known to enforce NetworkPolicies" in sentence
    assert "Calico or Cilium" in sentence


NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def reporting(status: str, reason: str, message: str, *, age: int = 10) -> dict[str, Any]:
    said = {
        "type": "NetworkPoliciesEnforced", "status": status, "reason": reason, "message": message,
        "lastHeartbeatTime": (NOW - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    return {"metadata": {"name": "lab"}, "status": {"conditions": [{"type": "Ready"}, said]}}


@pytest.mark.parametrize(("node", "expected"), [
    (reporting("True", "RulesApplied", "all are in force"), Report("lab", in_force=True)),
    (
        reporting("True", "SomeNotUnderstood", "of a/b not everything could be read"),
        Report("lab", in_force=True, why="of a/b not everything could be read"),
    ),
    (
        reporting("False", "RulesNotApplied", "nft: no room"),
        Report("lab", in_force=False, why="nft: no room"),
    ),
])  # fmt: skip
def test_what_our_own_says_of_a_node(node: dict[str, Any], expected: Report) -> None:
    assert find_reports([node], NOW) == [expected]


def test_a_node_that_is_silent_is_not_taken_for_well() -> None:
    [report] = find_reports([reporting("True", "RulesApplied", "all are in force", age=600)], NOW)
    assert not report.in_force
    assert "nothing was heard of it for 600 s" in report.why


def test_other_plugins_report_nothing() -> None:
    assert find_reports([node("v1.34.4")], NOW) == []


def test_the_names_are_those_of_the_program() -> None:
    """What one side writes the other looks for; the program is not Python."""
    go = PROJECT / "kube/networkpolicy"
    assert f'Condition corev1.NodeConditionType = "{CONDITION}"' in (go / "reporter.go").read_text()
    assert f'const TableName = "{TABLE}"' in (go / "build.go").read_text()
    assert 'made.Reason = "SomeNotUnderstood"' in (go / "reporter.go").read_text()
    assert 'Reason: "RulesApplied"' in (go / "reporter.go").read_text()
