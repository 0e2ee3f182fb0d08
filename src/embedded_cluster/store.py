"""etcd of the embedded cluster past its API server: snapshots of it, its size, and room in it.

The role `kube_runtime` copies this file to the machine, where a supervised program runs it with the
system's Python: it imports nothing but the standard library, and the cluster keeps its snapshots
when every checkout is gone.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import ssl
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ADDRESS = "https://127.0.0.1:2379"
DATABASE, KEY, ABOUT = "etcd.db", "encryption.json", "about.json"
STAMP = "%Y%m%dT%H%M%SZ"
# etcd writes the SHA-256 of a snapshot behind it.
CHECKSUM = 32
NO_SPACE = "NOSPACE"
MIB = 1 << 20
# etcd's own, where its manifest names no other; it does not tell which it has.
QUOTA = 2048 * MIB
# What defragmenting gives back to the disk is worth the moment in which etcd answers nobody.
WORTH_TIDYING = 64 * MIB


class StoreError(Exception):
    """etcd does not do what is asked, or a snapshot is not what it should be; one sentence."""


@dataclass(frozen=True)
class State:
    """How etcd is. Sizes in bytes: of its file, of what in it is in use, and the most it may be.

    The revision grows with every write: it is behind a snapshot's only where data were lost.
    """

    size: int
    used: int
    quota: int
    revision: int = 0
    alarms: tuple[str, ...] = ()

    @property
    def full(self) -> bool:
        """Whether it refuses to store anything."""
        return NO_SPACE in self.alarms


@dataclass(frozen=True)
class Snapshot:
    """A snapshot on the disk: a directory with etcd's database and the key of its Secrets."""

    path: Path

    @property
    def name(self) -> str:
        """What it is called: the time at which it was taken, in UTC."""
        return self.path.name

    @property
    def taken(self) -> datetime:
        """When it was taken."""
        return datetime.strptime(self.name, STAMP).replace(tzinfo=UTC)

    @property
    def size(self) -> int:
        """Bytes of its database."""
        return (self.path / DATABASE).stat().st_size

    @property
    def revision(self) -> int:
        """etcd's revision when it was taken; 0 where that is not written."""
        try:
            return int(json.loads((self.path / ABOUT).read_text())["revision"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def check(self) -> None:
        """See whether its database is as etcd gave it.

        Raises:
            StoreError: it is cut short, changed, or not there.
        """
        file = self.path / DATABASE
        try:
            left = file.stat().st_size - CHECKSUM
            digest = hashlib.sha256()
            with file.open("rb") as stream:
                while left > 0 and (block := stream.read(min(left, MIB))):
                    digest.update(block)
                    left -= len(block)
                written = stream.read()
        except OSError as error:
            raise StoreError(f"The snapshot {self.name} cannot be read: {error}.") from error
        if written != digest.digest():
            raise StoreError(
                f"The snapshot {self.name} is not as etcd gave it: the checksum at its end is "
                "another. Take an earlier one (./lab restore --list)."
            )


@dataclass(frozen=True)
class Store:
    """etcd of the cluster whose files are below ``root``, and where its snapshots are kept."""

    root: Path = Path("/")
    address: str = ADDRESS

    @property
    def snapshots(self) -> Path:
        """The directory of the snapshots, root's alone."""
        return self.root / "var/lib/mnist-lab/snapshots"

    @property
    def key(self) -> Path:
        """The key with which the API server encrypts the Secrets in etcd."""
        return self.root / "etc/mnist-lab" / KEY

    def _open(self, call: str, message: dict[str, Any], timeout: float) -> Any:
        """Ask etcd's JSON gateway with the certificate that its health is looked at with."""
        pki = self.root / "etc/kubernetes/pki/etcd"
        try:
            context = None
            if self.address.startswith("https:"):
                context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
                context.load_cert_chain(
                    pki / "healthcheck-client.crt", pki / "healthcheck-client.key"
                )
            request = urllib.request.Request(  # noqa: S310
                f"{self.address}/v3/{call}", json.dumps(message).encode()
            )
            return urllib.request.urlopen(request, timeout=timeout, context=context)  # noqa: S310
        except urllib.error.HTTPError as error:
            said = error.read(300).decode(errors="replace")
            raise StoreError(f"etcd does not do {call}: {said}.") from error
        except OSError as error:
            raise StoreError(f"etcd does not answer: {error}.") from error

    def ask(self, call: str, timeout: float = 60, **message: Any) -> dict[str, Any]:
        """Return etcd's answer to one call.

        Raises:
            StoreError: it refuses, or does not answer.
        """
        with self._open(call, message, timeout) as answer:
            return dict(json.load(answer))

    def state(self, timeout: float = 1.5) -> State:
        """Return how etcd is.

        Raises:
            StoreError: it does not answer.
        """
        told = self.ask("maintenance/status", timeout)
        raised = self.ask("maintenance/alarm", timeout, action="GET").get("alarms", [])
        size = int(told.get("dbSize", 0))
        return State(
            size,
            int(told.get("dbSizeInUse", size)),
            self.quota(),
            int(told["header"]["revision"]),
            tuple(sorted({str(one.get("alarm")) for one in raised})),
        )

    def quota(self) -> int:
        """Return the bytes that etcd's file may have, by its manifest."""
        try:
            manifest = (self.root / "etc/kubernetes/manifests/etcd.yaml").read_text()
        except OSError:
            return QUOTA
        found = re.search(r"--quota-backend-bytes=(\d+)", manifest)
        return int(found[1]) if found and int(found[1]) else QUOTA

    def blocks(self) -> Iterator[bytes]:
        """Give the blocks of etcd's database as it is now, its checksum last."""
        try:
            with self._open("maintenance/snapshot", {}, 60) as answer:
                for line in answer:
                    told = json.loads(line)
                    if "result" not in told:
                        raise StoreError(f"etcd broke its snapshot off: {told.get('error')}.")
                    yield base64.b64decode(told["result"].get("blob", ""))
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise StoreError(f"etcd broke its snapshot off: {error}.") from error

    def listed(self) -> list[Snapshot]:
        """Return the snapshots, the newest first."""
        found = []
        for path in self.snapshots.glob("*Z"):
            try:
                datetime.strptime(path.name, STAMP)  # only whether it is one
            except ValueError:
                continue
            found.append(Snapshot(path))
        return sorted(found, key=lambda one: one.name, reverse=True)

    def find(self, name: str) -> Snapshot:
        """Return the snapshot of that name, or without a name the newest.

        Raises:
            StoreError: there is none.
        """
        listed = self.listed()
        for one in listed:
            if name in ("", one.name):
                return one
        if not listed:
            raise StoreError(f"There is no snapshot in {self.snapshots}.")
        raise StoreError(
            f'There is no snapshot "{name}"; the newest is {listed[0].name}, '
            "./lab restore --list has all."
        )

    def take(self, keep: int = 0) -> Snapshot:
        """Take a snapshot, whole or not at all, and give up the oldest beyond ``keep`` (0: none).

        Raises:
            StoreError: etcd gave none that is whole; those that are there stay.
        """
        revision = self.state(10).revision
        self.snapshots.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.snapshots.chmod(0o700)
        made = Path(tempfile.mkdtemp(dir=self.snapshots, prefix=".new-"))
        name = datetime.now(UTC).strftime(STAMP)
        try:
            _write(made / DATABASE, self.blocks())
            Snapshot(made).check()
            _write(made / ABOUT, [json.dumps({"revision": revision}).encode()])
            if self.key.exists():
                _write(made / KEY, [self.key.read_bytes()])
            target = self.snapshots / name
            if target.exists():
                # Another one took it within the same second.
                shutil.rmtree(made)
            else:
                made.rename(target)
        except OSError as error:
            shutil.rmtree(made, ignore_errors=True)
            raise StoreError(f"The snapshot cannot be written: {error}.") from error
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        if keep:
            for one in self.listed()[keep:]:
                shutil.rmtree(one.path, ignore_errors=True)
        self._clear_unfinished()
        return Snapshot(target)

    def _clear_unfinished(self) -> None:
        """Take away what a snapshot left whose process was killed, an hour later."""
        for path in self.snapshots.glob(".new-*"):
            if time.time() - path.stat().st_mtime > 3600:
                shutil.rmtree(path, ignore_errors=True)

    def make_room(self) -> State:
        """Forget what was overwritten, give the room back, and let etcd store again.

        Raises:
            StoreError: etcd does not do it.
        """
        revision = self.ask("maintenance/status")["header"]["revision"]
        try:
            self.ask("kv/compaction", revision=revision, physical=True)
        except StoreError as error:
            # The API server has just done it.
            if "has been compacted" not in str(error):
                raise
        self.ask("maintenance/defragment", 300)
        for one in self.ask("maintenance/alarm", action="GET").get("alarms", []):
            self.ask("maintenance/alarm", action="DEACTIVATE", **one)
        return self.state(10)

    def keep_up(self, every: float, keep: int) -> list[str]:
        """Do what is due: a snapshot every so many minutes, and defragmenting; tells what it did.

        Raises:
            StoreError: etcd does not answer.
        """
        done = []
        listed = self.listed()
        if lost(self.state(10), listed):
            # What is left of it would push the good ones out.
            raise StoreError(
                f"etcd is behind its snapshot {listed[0].name}, so its data were lost, and no more "
                "snapshots are taken: ./lab restore brings the cluster back."
            )
        if not listed or age(listed[0]) >= every * 60:
            done.append(f"took the snapshot {self.take(keep).name}")
        state = self.state(10)
        unused = state.size - state.used
        if unused >= max(WORTH_TIDYING, state.size // 2):
            self.ask("maintenance/defragment", 300)
            done.append(
                f"defragmented etcd, of whose {state.size // MIB} MiB {unused // MIB} were unused"
            )
        return done


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    """Write a new file for its owner alone, and have it on the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as stream:
        for block in blocks:
            stream.write(block)
        stream.flush()
        os.fsync(stream.fileno())


def lost(state: State, listed: Sequence[Snapshot]) -> bool:
    """Tell whether etcd lost data: it is behind a snapshot that was taken of it."""
    return state.revision < max((one.revision for one in listed), default=0)


def age(snapshot: Snapshot) -> float:
    """Return the seconds since a snapshot was taken."""
    return (datetime.now(UTC) - snapshot.taken).total_seconds()


def main() -> int:
    """Do what is due, once, and tell it; the exit code is 1 where that could not be done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=float, required=True, help="minutes between snapshots")
    parser.add_argument("--keep", type=int, required=True, help="how many snapshots are kept")
    arguments = parser.parse_args()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        told, code = Store().keep_up(arguments.every, arguments.keep), 0
    except StoreError as error:
        told, code = [str(error)], 1
    for line in told:
        print(f"{now} {line}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
