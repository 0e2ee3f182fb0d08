"""The watcher of volumes: what a directory takes, what is done about it, and to whom."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_cluster import MemoryCluster

from volume_watcher.judging import GROWTH, MEBI, SLACK, Act, Level, judge
from volume_watcher.measuring import allocated_bytes
from volume_watcher.watcher import Watcher, told

PLACE = "/var/lib/volumes"
SIZES = st.integers(0, 1 << 40)


def write(path: Path, mebi: int) -> None:
    path.write_bytes(os.urandom(mebi * MEBI))


class TestMeasuring:
    """Bytes of the disk."""

    def test_everything_below_counts(self, tmp_path):
        write(tmp_path / "one", 1)
        (tmp_path / "deep" / "er").mkdir(parents=True)
        write(tmp_path / "deep" / "er" / "two", 2)
        assert 3 * MEBI <= allocated_bytes(tmp_path) < 3 * MEBI + 64 * 1024

    def test_a_hole_does_not_and_a_second_name_neither(self, tmp_path):
        with (tmp_path / "sparse").open("wb") as sparse:
            sparse.truncate(1 << 33)
        write(tmp_path / "one", 1)
        os.link(tmp_path / "one", tmp_path / "again")
        assert allocated_bytes(tmp_path) < 2 * MEBI

    def test_links_are_not_followed(self, tmp_path):
        (tmp_path / "inside").mkdir()
        write(tmp_path / "large", 2)
        (tmp_path / "inside" / "link").symlink_to(tmp_path / "large")
        (tmp_path / "inside" / "loop").symlink_to(tmp_path)
        assert allocated_bytes(tmp_path / "inside") < MEBI

    def test_what_is_not_there_is_nothing(self, tmp_path):
        assert allocated_bytes(tmp_path / "gone") == 0


class TestJudging:
    """What is done, with every size."""

    @given(used=SIZES, claimed=SIZES, before=st.none() | SIZES)
    def test_nobody_is_stopped_within_the_size(self, used, claimed, before):
        act, _ = judge(used, claimed, Level(stopped_at=before))
        assert act is not Act.STOP or used > claimed

    @given(claimed=SIZES, over=st.integers(SLACK + 1, 1 << 40))
    def test_who_writes_beyond_it_is_stopped_once(self, claimed, over):
        used = claimed + over
        act, level = judge(used, claimed, Level())
        assert act is Act.STOP
        # The next pod may read and delete.
        act, level = judge(used, claimed, level)
        assert act is Act.NOTHING
        act, level = judge(used - SLACK // 2, claimed, level)
        assert act is not Act.STOP
        # What it writes anew stops it.
        assert judge(used + GROWTH + 1, claimed, level)[0] is Act.STOP

    @given(claimed=st.integers(1 << 20, 1 << 40))
    def test_it_is_warned_once_and_again_after_it_was_emptied(self, claimed):
        full = claimed - claimed // 20
        act, level = judge(full, claimed, Level())
        assert act is Act.WARN
        assert judge(full, claimed, level)[0] is Act.NOTHING
        _, level = judge(0, claimed, level)
        assert judge(full, claimed, level)[0] is Act.WARN


def volume(name: str, claim: str, namespace: str = "mnist", size: str = "20Mi", path: str = ""):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "uid": f"uid-{name}"},
        "spec": {
            "capacity": {"storage": size},
            "hostPath": {"path": path or f"{PLACE}/{name}"},
            "claimRef": {"name": claim, "namespace": namespace},
        },
        "status": {"phase": "Bound"},
    }


def pod(name: str, claim: str, namespace: str = "mnist", phase: str = "Running"):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": claim}}, {"emptyDir": {}}]},
        "status": {"phase": phase},
    }


@pytest.fixture
def cluster():
    return MemoryCluster()


@pytest.fixture
def watcher(cluster, tmp_path):
    return Watcher(cluster, tmp_path, PLACE)


def events(cluster):
    return [
        (thing["involvedObject"]["namespace"], thing["involvedObject"]["name"], thing["reason"])
        for key, thing in cluster.objects.items()
        if key[0] == "Event"
    ]


class TestWatcher:
    """To whom it is done."""

    def put(self, cluster, tmp_path, name, claim, mebi, **more):
        cluster.objects["PersistentVolume", "", name] = volume(name, claim, **more)
        (tmp_path / name).mkdir()
        write(tmp_path / name / "data", mebi)

    def test_the_writer_is_stopped_and_nobody_else(self, cluster, watcher, tmp_path):
        self.put(cluster, tmp_path, "one", "full", 40)
        self.put(cluster, tmp_path, "two", "full", 1, namespace="other")
        for made in (
            pod("writer", "full"),
            pod("beside", "else"),
            pod("ended", "full", phase="Succeeded"),
            pod("neighbour", "full", "other"),
        ):
            cluster.add(made)
        watcher.look()
        left = {key[2] for key in cluster.objects if key[0] == "Pod"}
        assert left == {"beside", "ended", "neighbour"}
        assert events(cluster) == [("mnist", "full", "VolumeOverfull")]
        message = next(t["message"] for k, t in cluster.objects.items() if k[0] == "Event")
        assert message.startswith("40 MiB are taken where 20 MiB were claimed, and it grows")
        assert "stopped: writer" in message

    def test_who_comes_after_may_empty_it(self, cluster, watcher, tmp_path):
        self.put(cluster, tmp_path, "one", "full", 40)
        watcher.look()
        cluster.add(pod("again", "full"))
        watcher.look()
        assert ("Pod", "mnist", "again") in cluster.objects
        write(tmp_path / "one" / "more", 2)
        watcher.look()
        assert ("Pod", "mnist", "again") not in cluster.objects

    def test_nearly_full_is_told_at_the_claim(self, cluster, watcher, tmp_path):
        self.put(cluster, tmp_path, "one", "filling", 19)
        watcher.look()
        watcher.look()
        assert events(cluster) == [("mnist", "filling", "VolumeNearlyFull")]

    @pytest.mark.parametrize(
        "path", ["/etc", "/var/lib/volumes", f"{PLACE}/../../etc", "/var/lib/volumes-2/one"]
    )
    def test_what_is_kept_elsewhere_is_not_looked_at(self, cluster, watcher, path):
        cluster.add(volume("one", "claim", path=path))
        assert list(watcher.volumes()) == []

    def test_a_volume_of_no_claim_is_not_looked_at(self, cluster, watcher):
        made = volume("one", "claim")
        made["status"]["phase"] = "Released"
        cluster.add(made)
        assert list(watcher.volumes()) == []


@pytest.mark.parametrize(
    ("amount", "words"), [(0, "0 MiB"), (64 * MEBI, "64 MiB"), (3 << 30, "3.0 GiB")]
)
def test_sizes_are_told_as_people_say_them(amount, words):
    assert told(amount) == words
