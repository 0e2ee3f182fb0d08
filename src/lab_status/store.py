"""Says how etcd of the embedded cluster is: its room, and its snapshots."""

from __future__ import annotations

import os
from collections.abc import Sequence

from embedded_cluster.layout import Layout
from embedded_cluster.restore import spell_age
from embedded_cluster.store import MIB, Snapshot, State, Store, StoreError, age, lost
from lab_status.lines import DOWN, NOTE, UP, Line

# Of its quota; beyond, there is time left to do something.
NARROW = 0.8
# Seconds; a snapshot is due every hour.
OLD = 3 * 3600


def store_lines(layout: Layout, address: str = "") -> list[Line]:
    """Ask etcd and look at the snapshots; only root may, so that others are told nothing."""
    store = Store(layout.root, address) if address else Store(layout.root)
    if not os.access(layout.kubernetes / "pki/etcd/healthcheck-client.key", os.R_OK):
        return []
    try:
        return [tell(store.state(), store.listed())]
    except (StoreError, OSError) as error:
        return [Line(DOWN, "etcd", str(error).rstrip("."))]


def tell(state: State, snapshots: Sequence[Snapshot]) -> Line:
    """Say how it is, the worst first."""
    room = f"{state.size // MIB} MiB of {state.quota // MIB}"
    if state.full:
        return Line(
            DOWN,
            "etcd",
            f"it is full ({room}) and the cluster stores nothing any more; delete what is not "
            "needed, then ./lab snapshot --make-room; kube_control_plane_etcd_quota gives it more",
        )
    if state.alarms:
        what = ", ".join(state.alarms)
        return Line(
            DOWN, "etcd", f"it raised the alarm {what}; ./lab restore goes back to a snapshot"
        )
    if lost(state, snapshots):
        return Line(
            DOWN,
            "etcd",
            f"it is behind its snapshot {snapshots[0].name}: data were lost; ./lab restore brings "
            "the cluster back as the snapshot has it",
        )
    if state.size >= NARROW * state.quota:
        return Line(NOTE, "etcd", f"it has {room}; ./lab snapshot --make-room gives room back")
    if not snapshots:
        return Line(NOTE, "etcd", f"{room}, no snapshot yet; ./lab snapshot takes one")
    seconds = age(snapshots[0])
    said = f"{room}, snapshot {spell_age(seconds)}"
    if seconds > OLD:
        why = "one is due every hour, and /var/log/mnist-lab/snapshots.log says why there is none"
        return Line(NOTE, "etcd", f"{said}; {why}")
    return Line(UP, f"etcd: {said}")
