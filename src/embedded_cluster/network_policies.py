"""Finds out what in a cluster enforces NetworkPolicies, as far as that shows from outside.

Kubernetes takes every policy, whether anything enforces it or not, and has no word for which is the
case. What enforces them runs on every node, so it is known by its DaemonSet, or by its node.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Manifest = Mapping[str, Any]

OWN = "the suite's own program"
# By the DaemonSet's name, which each project keeps whatever namespace it is installed in.
BY_NAME = {
    "kube-network-policy": OWN,
    "calico-node": "Calico",
    "canal": "Calico (Canal)",
    "cilium": "Cilium",
    "anetd": "Cilium (GKE Dataplane V2)",
    "antrea-agent": "Antrea",
    "kube-router": "kube-router",
    "kube-network-policies": "kube-network-policies",
    "ovnkube-node": "OVN-Kubernetes",
    "weave-net": "Weave Net",
    "azure-npm": "Azure Network Policy Manager",
}
# OpenShift SDN's DaemonSet has a name that could be anybody's.
SDN = ("openshift-sdn", "sdn")
# The first kindnetd that enforces policies; its tags begin with their date.
KINDNET_SINCE = "20240813"
# The condition of a Node in which the suite's own program says how it goes, and how old its last
# word may be: it speaks every 30 seconds.
CONDITION = "NetworkPoliciesEnforced"
SILENT = timedelta(seconds=90)
# What is said of a cluster on which that program is not.
NO_BOUNDS = (
    "Pods of seats may reach the nodes' own ports and a cloud's metadata (169.254.169.254), unless "
    "who runs the cluster has closed them: what a seat's own policies close, its learner can open."
)


@dataclass(frozen=True)
class Enforcer:
    """Something that enforces policies, and on how many nodes it is ready."""

    name: str
    where: str
    ready: int


def find_enforcers(
    daemon_sets: Iterable[Manifest], nodes: Iterable[Manifest] = ()
) -> list[Enforcer]:
    """Return what is known to enforce policies, of the cluster's DaemonSets and Nodes."""
    enforcers = []
    for daemon_set in daemon_sets:
        metadata = daemon_set["metadata"]
        name = _name_of(daemon_set)
        if name:
            where = f"DaemonSet {metadata['namespace']}/{metadata['name']}"
            ready = int((daemon_set.get("status") or {}).get("numberReady") or 0)
            enforcers.append(Enforcer(name, where, ready))
    k3s = [node for node in nodes if _k3s_enforces(node)]
    if k3s:
        enforcers.append(Enforcer("k3s", "its own controller, in every node", len(k3s)))
    return enforcers


def _containers(daemon_set: Manifest) -> list[Manifest]:
    return list(daemon_set["spec"]["template"]["spec"].get("containers") or [])


def _name_of(daemon_set: Manifest) -> str:
    """Return the enforcer that a DaemonSet is; empty if it is none."""
    metadata = daemon_set["metadata"]
    name = str(metadata["name"])
    if name in BY_NAME:
        return BY_NAME[name]
    if (metadata["namespace"], name) == SDN:
        return "OpenShift SDN"
    for container in _containers(daemon_set):
        words = " ".join([*(container.get("command") or []), *(container.get("args") or [])])
        if name == "aws-node" and "--enable-network-policy=true" in words:
            return "Amazon VPC CNI"
        tag = re.search(r"/kindnetd:v(\d{8})\b", str(container.get("image")))
        if name == "kindnet" and tag and tag[1] >= KINDNET_SINCE:
            return "kindnet"
    return ""


def _k3s_enforces(node: Manifest) -> bool:
    """Whether a node is k3s's, whose one process enforces policies unless it is told not to."""
    version = str(((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion"))
    arguments = str((node["metadata"].get("annotations") or {}).get("k3s.io/node-args"))
    return "+k3s" in version and "--disable-network-policy" not in arguments


@dataclass(frozen=True)
class Report:
    """What the suite's own program says of one node.

    ``in_force`` is whether every policy is, as far as it could be understood; ``why`` says what is
    not so, and is empty where nothing is.
    """

    node: str
    in_force: bool
    why: str = ""


def find_reports(nodes: Iterable[Manifest], now: datetime | None = None) -> list[Report]:
    """Return what the suite's own program says of the nodes on which it runs."""
    now = now or datetime.now(UTC)
    reports = []
    for node in nodes:
        name = str(node["metadata"]["name"])
        for condition in (node.get("status") or {}).get("conditions") or []:
            if condition["type"] == CONDITION:
                reports.append(_report_of(name, condition, now))
    return reports


def _report_of(node: str, condition: Manifest, now: datetime) -> Report:
    last = datetime.fromisoformat(str(condition["lastHeartbeatTime"]))
    message = str(condition.get("message") or "it does not say why")
    if condition["status"] != "True":
        return Report(node, in_force=False, why=message)
    if now - last > SILENT:
        seconds = int((now - last).total_seconds())
        return Report(node, in_force=False, why=(
            f"nothing was heard of it for {seconds} s: the rules that were there hold, changes do "
            "not come into force and new pods do not start"
        ))  # fmt: skip
    return Report(node, in_force=True, why="" if condition["reason"] == "RulesApplied" else message)


def tell(found: Iterable[Enforcer]) -> tuple[bool, str]:
    """Say whether policies are enforced, and by what, in a sentence."""
    enforcers = list(found)
    working = [f"{one.name} ({one.where})" for one in enforcers if one.ready]
    if working:
        return True, f"NetworkPolicies are enforced by {' and '.join(working)}."
    if enforcers:
        names = " and ".join(f"{one.name} ({one.where})" for one in enforcers)
        return False, f"NetworkPolicies would be enforced by {names}, which is ready on no node."
    return False, (
        "The cluster's network plugin is not known to enforce NetworkPolicies: ports that the "
        "lab's policies close may be open to every pod. Ask who runs the cluster, or use a plugin "
        "that enforces them, such as Calico or Cilium."
    )
