"""Brings the cluster back as a snapshot of etcd has it: `./lab snapshot` and `./lab restore`.

Where etcd's data is lost, everything that runs is still on the machine: images, volumes,
certificates. What is missing is what the cluster was told to run, and that is in the snapshot.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from embedded_cluster import cluster, machine
from embedded_cluster.layout import Layout
from embedded_cluster.store import KEY, MIB, Snapshot, Store, StoreError, age
from lab_ground.files import write_whole
from lab_ground.streams import outlive_readers

CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")
# Whoever watches has seen revisions after the snapshot: the restored ones begin beyond all of them.
REVISIONS = 10_000_000


def spell_age(seconds: float) -> str:
    """How long ago, as people say it."""
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


def tell(snapshot: Snapshot) -> str:
    """One line about a snapshot."""
    return (
        f"{snapshot.name}  {snapshot.size / MIB:7.1f} MiB  {spell_age(age(snapshot))}"
        f"{'' if (snapshot.path / KEY).exists() else '  without the key of its Secrets'}"
    )


def member_options(manifest: str) -> list[str]:
    """How etcd's only member is called, by the words of its manifest."""
    names = {
        "--name": "--name",
        "--initial-cluster": "--initial-cluster",
        "--initial-advertise-peer-urls": "--initial-advertise-peer-urls",
    }
    options = []
    for flag, option in names.items():
        found = re.search(rf"^\s*- {flag}=(\S+)$", manifest, re.MULTILINE)
        if not found:
            raise StoreError(f"etcd's manifest does not say {flag}; run ./lab run create-cluster.")
        options.append(f"{option}={found[1]}")
    return options


def unpack(layout: Layout, snapshot: Snapshot, target: Path, seen: int) -> None:
    """Make etcd's data of a snapshot in a directory that is not there yet.

    ``seen`` is the highest revision that anybody is known to have seen.

    Raises:
        StoreError: etcdutl does not take it.
    """
    try:
        manifest = (layout.kubernetes / "manifests/etcd.yaml").read_text()
    except OSError as error:
        raise StoreError(f"etcd's manifest is not there: {error}.") from error
    command = [
        str(layout.programs / "bin/etcdutl"), "snapshot", "restore",
        str(snapshot.path / "etcd.db"),
        f"--data-dir={target}",
        *member_options(manifest),
        f"--bump-revision={seen + REVISIONS}",
        "--mark-compacted",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise StoreError(
            f"etcdutl is not on this machine ({error}); run ./lab run create-cluster."
        ) from error
    if done.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        raise StoreError(
            f"etcdutl does not take the snapshot {snapshot.name}: {done.stderr.strip()[-400:]}"
        )
    target.chmod(0o700)


def end_control_plane(layout: Layout) -> None:
    """Stop the kubelet, and end the control plane's containers; the pods of the seats go on."""
    machine.stop("kubelet", layout)
    machine.end(cluster.inside_containers(layout, CONTROL_PLANE), patience=10)


def put_in_place(layout: Layout, unpacked: Path) -> Path | None:
    """Give etcd the unpacked data; returns where the data that was there is kept."""
    data, kept = layout.data / "etcd", layout.data / "etcd.before-restore"
    moved = None
    if data.exists():
        shutil.rmtree(kept, ignore_errors=True)
        data.rename(kept)
        moved = kept
    unpacked.rename(data)
    return moved


def restore(layout: Layout, snapshot: Snapshot, seconds: float = 180) -> Path | None:
    """Bring the cluster back to a snapshot; returns where etcd's former data is kept.

    Raises:
        StoreError: the snapshot cannot be used; nothing was changed then.
        SystemExit: the cluster did not come back in time.
    """
    if cluster.read_record(layout) is None:
        raise StoreError(
            "There is no cluster of this suite on the machine: make one (./lab run create-cluster)."
        )
    snapshot.check()
    unpacked = layout.data / "etcd.restored"
    shutil.rmtree(unpacked, ignore_errors=True)
    seen = max(one.revision for one in Store(layout.root).listed())
    unpack(layout, snapshot, unpacked, seen)
    cluster.ensure_supervised(layout, check=False)
    end_control_plane(layout)
    moved = put_in_place(layout, unpacked)
    key = snapshot.path / KEY
    if key.exists():
        write_whole(layout.configuration / KEY, key.read_bytes(), 0o600)
    machine.restart("kubelet", layout)
    cluster.wait_ready(layout, seconds)
    cluster.wait_available(layout, seconds)
    return moved


def snapshot_main(words: Sequence[str], layout: Layout, store: Store) -> int:
    """Do what `./lab snapshot` was asked for."""
    parser = argparse.ArgumentParser(
        prog="./lab snapshot",
        description="Takes a snapshot of what the cluster was told to run (etcd).",
    )
    parser.add_argument("--list", action="store_true", help="only tell which there are")
    parser.add_argument(
        "--make-room",
        action="store_true",
        help="after it, have etcd give unused room back and store again",
    )
    arguments = parser.parse_args(words)
    del layout
    if arguments.list:
        return told_all(store)
    print(tell(store.take()))
    if arguments.make_room:
        state = store.make_room()
        print(f"etcd has {state.size // MIB} MiB of {state.quota // MIB}, and stores again.")
    return 0


def told_all(store: Store) -> int:
    """Print every snapshot; the exit code is 1 where one is not whole."""
    listed, broken = store.listed(), 0
    for one in listed:
        try:
            one.check()
            print(tell(one))
        except (StoreError, OSError) as error:
            broken += 1
            print(f"{one.name}  {error}")
    if not listed:
        print(f"There is no snapshot in {store.snapshots}.")
    return 1 if broken else 0


def restore_main(words: Sequence[str], layout: Layout, store: Store) -> int:
    """Do what `./lab restore` was asked for."""
    parser = argparse.ArgumentParser(
        prog="./lab restore",
        description="Brings the cluster with its seats back as a snapshot of etcd has it. What was "
        "made after the snapshot is gone then; volumes and images stay as they are.",
    )
    parser.add_argument("snapshot", nargs="?", default="", help="its name; default: the newest")
    parser.add_argument("--list", action="store_true", help="only tell which there are")
    parser.add_argument("--check", action="store_true", help="only look whether it can be used")
    arguments = parser.parse_args(words)
    if arguments.list:
        return told_all(store)
    snapshot = store.find(arguments.snapshot)
    print(tell(snapshot))
    if arguments.check:
        snapshot.check()
        print("It is whole, and would be restored.")
        return 0
    started = time.monotonic()
    moved = restore(layout, snapshot)
    print(f"The cluster is back after {time.monotonic() - started:.0f} s.")
    if moved:
        print(f"What etcd had before is kept in {moved} until the next restore.")
    return 0


def main() -> int:
    """Do what the first word says; the exit code is 1 where it could not be done."""
    command, words = sys.argv[1], sys.argv[2:]
    run = {"snapshot": snapshot_main, "restore": restore_main}[command]
    if os.geteuid() != 0 and not {"-h", "--help"} & set(words):
        print(f"lab: only root reads etcd and its snapshots: sudo ./lab {command}", file=sys.stderr)
        return 2
    try:
        return run(words, Layout(), Store())
    except StoreError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
