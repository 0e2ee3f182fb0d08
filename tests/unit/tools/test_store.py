"""Snapshots of etcd: whole or not at all, a number of them, none of an etcd that lost its data."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded_cluster import restore
from embedded_cluster import store as stores
from embedded_cluster.layout import Layout
from embedded_cluster.store import (
    ABOUT,
    DATABASE,
    KEY,
    MIB,
    Snapshot,
    State,
    Store,
    StoreError,
    lost,
)
from lab_status.lines import DOWN, NOTE, UP
from lab_status.store import tell


class Etcd:
    """What an etcd's JSON gateway says; a real one is asked by the suites host and recovery."""

    def __init__(self) -> None:
        self.data = b"database" * 5000
        self.revision = 7
        self.size, self.used = MIB, MIB
        self.alarms: list[dict[str, str]] = []
        self.broken = b""
        self.calls: list[str] = []

    def answer(self, call: str, message: dict[str, Any]) -> bytes:
        self.calls.append(call)
        if call == "maintenance/snapshot":
            whole = self.data + hashlib.sha256(self.data).digest()
            lines = [
                json.dumps({"result": {"blob": base64.b64encode(whole[at : at + 9000]).decode()}})
                for at in range(0, len(whole), 9000)
            ]
            if self.broken:
                return "\n".join(lines[:2]).encode() + b"\n" + self.broken
            return "\n".join(lines).encode()
        if call == "maintenance/alarm":
            if message["action"] == "DEACTIVATE":
                self.alarms = []
            return json.dumps({"alarms": self.alarms}).encode()
        header = {"revision": str(self.revision)}
        return json.dumps(
            {"header": header, "dbSize": str(self.size), "dbSizeInUse": str(self.used)}
        ).encode()


@pytest.fixture
def etcd() -> Etcd:
    return Etcd()


@pytest.fixture
def store(etcd: Etcd, tmp_path: Path) -> Iterator[Store]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(etcd.answer(self.path.removeprefix("/v3/"), message))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    (tmp_path / "etc/mnist-lab").mkdir(parents=True)
    (tmp_path / "etc/mnist-lab" / KEY).write_text('{"key": 1}')
    yield Store(tmp_path, f"http://127.0.0.1:{server.server_address[1]}")
    server.shutdown()
    server.server_close()


def age_by_hand(store: Store, snapshot: Snapshot, name: str) -> Snapshot:
    snapshot.path.rename(store.snapshots / name)
    return Snapshot(store.snapshots / name)


def test_a_snapshot_is_whole_with_the_key_and_roots_alone(store: Store, etcd: Etcd) -> None:
    taken = store.take()
    taken.check()
    assert (taken.path / DATABASE).read_bytes()[:-32] == etcd.data
    assert (taken.path / KEY).read_text() == '{"key": 1}'
    assert taken.revision == 7
    assert store.snapshots.stat().st_mode & 0o777 == 0o700
    assert {p.name: p.stat().st_mode & 0o777 for p in taken.path.iterdir()} == dict.fromkeys(
        (DATABASE, KEY, ABOUT), 0o600
    )


@pytest.mark.parametrize("broken", [b'{"error": {"message": "no leader"}}', b"{}", b"{", b"\n"])
def test_one_that_breaks_off_leaves_nothing(store: Store, etcd: Etcd, broken: bytes) -> None:
    kept = age_by_hand(store, store.take(), "20200101T000000Z")
    etcd.broken = broken
    with pytest.raises(StoreError):
        store.take(1)
    assert list(store.snapshots.iterdir()) == [kept.path]


def test_the_oldest_go_and_what_is_no_snapshot_stays(store: Store) -> None:
    for year in (2020, 2021, 2022):
        age_by_hand(store, store.take(), f"{year}0101T000000Z")
    (store.snapshots / "mine-Z").mkdir()
    new = store.take(2)
    assert [one.name for one in store.listed()] == [new.name, "20220101T000000Z"]
    assert (store.snapshots / "mine-Z").exists()


def test_one_is_taken_only_when_it_is_due(store: Store) -> None:
    assert "took the snapshot" in store.keep_up(60, 3)[0]
    assert store.keep_up(60, 3) == []
    age_by_hand(store, store.listed()[0], "20200101T000000Z")
    assert len(store.keep_up(60, 3)) == 1
    assert len(store.listed()) == 2


def test_an_etcd_that_lost_its_data_pushes_no_snapshot_out(store: Store, etcd: Etcd) -> None:
    kept = age_by_hand(store, store.take(), "20200101T000000Z")
    etcd.revision = 3
    with pytest.raises(StoreError, match="its data were lost"):
        store.keep_up(60, 1)
    assert store.listed() == [kept]


def test_unused_room_is_given_back_where_it_is_worth_it(store: Store, etcd: Etcd) -> None:
    store.take()
    etcd.size, etcd.used = 200 * MIB, 150 * MIB
    assert store.keep_up(60, 3) == []
    etcd.used = 90 * MIB
    assert store.keep_up(60, 3) == ["defragmented etcd, of whose 200 MiB 110 were unused"]
    assert etcd.calls.count("maintenance/defragment") == 1


def test_room_is_made_and_the_alarm_taken_back(store: Store, etcd: Etcd) -> None:
    etcd.alarms = [{"memberID": "1", "alarm": "NOSPACE"}]
    assert store.state().full
    assert not store.make_room().full


def test_an_etcd_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="etcd does not answer"):
        Store(tmp_path, "http://127.0.0.1:9").take()
    with pytest.raises(StoreError, match="etcd does not answer"):
        Store(tmp_path).state()


@pytest.mark.parametrize(("answers", "code"), [(True, 0), (False, 1)])
def test_the_program_tells_whether_it_did_what_was_due(
    answers: bool,
    code: int,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Where etcd does not answer, the script that runs it looks again soon."""
    own = store if answers else Store(store.root, "http://127.0.0.1:9")
    monkeypatch.setattr(stores, "Store", lambda: own)
    monkeypatch.setattr("sys.argv", ["store", "--every", "60", "--keep", "2"])
    assert stores.main() == code
    told = capsys.readouterr().out
    assert ("took the snapshot" if answers else "etcd does not answer") in told


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), at=st.integers(0, 10_000), flip=st.integers(0, 255))
def test_every_change_of_a_snapshot_is_seen(
    data: bytes, at: int, flip: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    snapshot = Snapshot(tmp_path_factory.mktemp("snapshot"))
    whole = bytearray(data + hashlib.sha256(data).digest())
    whole[at % len(whole)] ^= flip
    (snapshot.path / DATABASE).write_bytes(whole)
    if flip:
        with pytest.raises(StoreError, match="not as etcd gave it"):
            snapshot.check()
    else:
        snapshot.check()
    (snapshot.path / DATABASE).write_bytes(whole[: at % len(whole)])
    with pytest.raises(StoreError, match="not as etcd gave it"):
        snapshot.check()


def test_a_name_is_looked_up_and_the_newest_meant_without_one(store: Store) -> None:
    with pytest.raises(StoreError, match="There is no snapshot in"):
        store.find("")
    old = age_by_hand(store, store.take(), "20200101T000000Z")
    new = store.take()
    assert (store.find(""), store.find(old.name)) == (new, old)
    with pytest.raises(StoreError, match=f'no snapshot "x"; the newest is {new.name}'):
        store.find("x")


def test_a_restore_that_cannot_be_changes_nothing(store: Store, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    taken = store.take()
    with pytest.raises(StoreError, match="There is no cluster of this suite"):
        restore.restore(layout, taken)
    layout.record.write_text("{}")
    (taken.path / DATABASE).write_bytes(b"short")
    with pytest.raises(StoreError, match="not as etcd gave it"):
        restore.restore(layout, taken)
    good = store.take() if taken.path.rename(tmp_path / "away") else taken
    with pytest.raises(StoreError, match="manifest is not there"):
        restore.restore(layout, good)
    assert not (layout.data / "etcd").exists()


def test_the_list_tells_which_is_not_whole(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert restore.restore_main(["--list"], Layout(store.root), store) == 0
    assert "There is no snapshot" in capsys.readouterr().out
    store.take()
    bad = age_by_hand(store, store.take(), "20200101T000000Z")
    (bad.path / DATABASE).write_bytes(b"x")
    store.take()
    assert restore.restore_main(["--list"], Layout(store.root), store) == 1
    told = capsys.readouterr().out
    assert "0 min ago" in told
    assert "20200101T000000Z  The snapshot 20200101T000000Z is not as etcd gave it" in told


MANIFEST = """
    - --initial-advertise-peer-urls=https://10.245.0.1:2380
    - --initial-cluster=mnist-lab=https://10.245.0.1:2380
    - --name=mnist-lab
    - --quota-backend-bytes=1048576
"""


def test_the_member_is_called_as_its_manifest_says(tmp_path: Path) -> None:
    assert restore.member_options(MANIFEST) == [
        "--name=mnist-lab",
        "--initial-cluster=mnist-lab=https://10.245.0.1:2380",
        "--initial-advertise-peer-urls=https://10.245.0.1:2380",
    ]
    with pytest.raises(StoreError, match="does not say --name"):
        restore.member_options("")
    path = tmp_path / "etc/kubernetes/manifests/etcd.yaml"
    assert Store(tmp_path).quota() == 2048 * MIB
    path.parent.mkdir(parents=True)
    path.write_text(MANIFEST)
    assert Store(tmp_path).quota() == MIB


def taken(name: str, revision: int, tmp_path: Path) -> Snapshot:
    path = tmp_path / name
    path.mkdir()
    (path / ABOUT).write_text(json.dumps({"revision": revision}))
    return Snapshot(path)


def test_the_status_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    quota = 100 * MIB
    now = Store(tmp_path)
    old = taken("20200101T000000Z", 5, tmp_path)

    def said(size: int, revision: int, *alarms: str, snapshots: list[Snapshot]) -> tuple[str, str]:
        line = tell(State(size * MIB, size * MIB, quota, revision, alarms), snapshots)
        return line.mark, str(line)

    cases = [
        (said(100, 9, "NOSPACE", snapshots=[old]), DOWN, "100 MiB of 100) and the cluster stores"),
        (said(1, 9, "CORRUPT", snapshots=[old]), DOWN, "alarm CORRUPT; ./lab restore"),
        (said(1, 4, snapshots=[old]), DOWN, "behind its snapshot 20200101T000000Z"),
        (said(80, 9, snapshots=[old]), NOTE, "./lab snapshot --make-room"),
        (said(79, 9, snapshots=[]), NOTE, "no snapshot yet"),
        (said(79, 9, snapshots=[old]), NOTE, "one is due every hour"),
    ]
    for (mark, text), wanted, words in cases:
        assert mark == wanted, text
        assert words in text
    assert now.listed() == []
    assert not lost(State(0, 0, 0, 5), [old])


def test_a_status_of_a_young_snapshot_is_well(store: Store) -> None:
    line = tell(store.state(), [store.take()])
    assert line.mark == UP
    assert "1 MiB of 2048, snapshot 0 min ago" in str(line)
