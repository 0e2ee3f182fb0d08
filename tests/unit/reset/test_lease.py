"""The Lease of a seat: one holder, kept for the whole playbook, taken over from a dead one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab_ground.kubernetes.errors import ConflictError, NotFoundError
from lab_ground.processes import Watched, family, start_time
from lab_ground.waiting import wait_for
from lab_reset import keeper, lease


class Leases:
    """The API of Leases, in memory, with the server's checks; ``trouble`` fails the next calls."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] | None = None
        self.version = 0
        self.trouble = 0
        self.before_delete: Callable[[], None] = lambda: None

    def _stumble(self) -> None:
        if self.trouble:
            self.trouble -= 1
            raise ConnectionError("the API server is away")

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> Any:
        self._stumble()
        return self.stored

    def _put(self, body: dict[str, Any], uid: str) -> None:
        self.version += 1
        metadata = {**body["metadata"], "uid": uid, "resourceVersion": str(self.version)}
        self.stored = {**body, "metadata": metadata}

    def create(self, body: dict[str, Any]) -> None:
        if self.stored is not None:
            raise ConflictError(409, "AlreadyExists", "it is there")
        self._put(body, f"uid-{self.version}")

    def replace(self, body: dict[str, Any]) -> None:
        self._stumble()
        if self.stored is None:
            raise NotFoundError(404, "NotFound", "it has gone")
        if body["metadata"]["resourceVersion"] != self.stored["metadata"]["resourceVersion"]:
            raise ConflictError(409, "Conflict", "it has changed")
        self._put(body, self.stored["metadata"]["uid"])

    def delete(
        self, api_version: str, kind: str, name: str, namespace: str, *,
        preconditions: dict[str, str],
    ) -> bool:  # fmt: skip
        self.before_delete()
        if self.stored is None:
            return False
        for key, value in preconditions.items():
            if self.stored["metadata"][key] != value:
                raise ConflictError(409, "Conflict", "it has changed")
        self.stored = None
        return True


@pytest.fixture(name="api")
def leases_in_memory() -> Leases:
    return Leases()


def of(api: Leases, identity: str) -> lease.Lease:
    return lease.Lease(api, "mnist", identity)


def age(api: Leases, seconds: float) -> None:
    """Let the Lease have been renewed so long ago."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    api.stored["spec"]["renewTime"] = lease.written(moment)


def test_it_is_held_by_one(api: Leases) -> None:
    of(api, "first").take(timeout=0)
    with pytest.raises(lease.LeaseHeldError, match=r"another reset of mnist is running \(first,"):
        of(api, "second").take(timeout=0, pause=0)
    assert of(api, "second").holder() == "first"


def test_a_dead_holders_is_taken_over(api: Leases) -> None:
    of(api, "first").take(timeout=0)
    age(api, lease.DURATION + 1)
    assert of(api, "second").holder() == ""
    of(api, "second").take(timeout=0)
    assert api.stored["spec"]["holderIdentity"] == "second"
    assert api.stored["spec"]["leaseTransitions"] == 2


def test_a_renewal_keeps_since_when_it_is_held(api: Leases) -> None:
    mine = of(api, "first")
    mine.take(timeout=0)
    before = dict(api.stored["spec"])
    time.sleep(0.01)
    assert mine.renew()
    assert api.stored["spec"]["acquireTime"] == before["acquireTime"]
    assert api.stored["spec"]["renewTime"] > before["renewTime"]
    assert api.stored["spec"]["leaseTransitions"] == before["leaseTransitions"]


def test_one_that_became_anothers_is_left_alone(api: Leases) -> None:
    mine = of(api, "first")
    mine.take(timeout=0)
    age(api, lease.DURATION + 1)
    of(api, "second").take(timeout=0)
    assert not mine.renew()
    assert not mine.release()
    assert api.stored["spec"]["holderIdentity"] == "second"


def test_one_taken_over_between_look_and_deletion_is_left_alone(api: Leases) -> None:
    mine = of(api, "first")
    mine.take(timeout=0)
    age(api, lease.DURATION + 1)

    def overtake() -> None:
        api.before_delete = lambda: None
        of(api, "second").take(timeout=0)

    api.before_delete = overtake
    assert not mine.release()
    assert api.stored["spec"]["holderIdentity"] == "second"


def test_one_given_back_is_not_renewed(api: Leases) -> None:
    mine = of(api, "first")
    mine.take(timeout=0)
    assert mine.release()
    assert not mine.renew()
    assert api.stored is None


class Playbook:
    """Something that lives until it is told to end."""

    def __init__(self) -> None:
        self.running = True

    def lives(self) -> bool:
        return self.running


def test_the_keeper_goes_on_after_an_error_and_gives_back_at_the_end(
    api: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY", 0)
    monkeypatch.setattr(keeper, "RETRY_AFTER", 0)
    mine, playbook = of(api, "first"), Playbook()
    mine.take(timeout=0)
    api.trouble = 3
    thread = threading.Thread(target=keeper.keep, args=([mine], playbook, 0.01), daemon=True)
    thread.start()
    version = api.version
    wait_for(lambda: api.version >= version + 3, 5, "it is renewed after the errors", 0.01)
    assert api.trouble == 0
    playbook.running = False
    thread.join(timeout=5)
    assert api.stored is None


def test_the_keeper_lets_go_of_one_that_became_anothers(
    api: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY", 0)
    mine = of(api, "first")
    mine.take(timeout=0)
    api.stored["spec"]["holderIdentity"] = "second"
    keeper.keep([mine], Playbook(), 0)
    assert api.stored["spec"]["holderIdentity"] == "second"


NESTED = "import subprocess; subprocess.Popen(['sleep', '60']); print(flush=True); input()"


def test_what_a_killed_process_started_still_counts() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", NESTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    parent.stdout.readline()
    watched = Watched(parent.pid)
    assert watched.lives()
    (child,) = set(family([parent.pid])) - {parent.pid}
    try:
        parent.kill()
        parent.wait()
        assert watched.lives()
    finally:
        os.kill(child, signal.SIGKILL)
    wait_for(lambda: not watched.lives(), 5, "it has ended", 0.02)


@pytest.fixture(name="process")
def running_process() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_what_outlives_a_process_counts_for_a_while_only(process: subprocess.Popen[bytes]) -> None:
    watched = Watched(process.pid, linger=0)
    assert watched.lives()
    watched.pid = 0
    assert not watched.lives()
    assert start_time(process.pid)


WATCHING = """
import os
from lab_ground.processes import Watched
watched = Watched(os.getppid())
print(watched.lives(), os.getpid() in watched.known)
"""


def test_who_watches_does_not_wait_for_its_own_end() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCHING], capture_output=True, text=True,
        check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout.split() == ["True", "False"]


DETACHING = """
import os, sys, time
from lab_ground.processes import Watched
from lab_reset import keeper

def work(report):
    report("it keeps")
    watched = Watched(int(sys.argv[1]))
    while watched.lives():
        time.sleep(0.05)
    open(sys.argv[2], "w").write(str(len(os.listdir("/proc/self/fd"))))

print(keeper.detach(work), flush=True)
"""


def test_the_keeper_reports_outlives_its_beginner_and_sees_the_end(
    tmp_path: Path, process: subprocess.Popen[bytes]
) -> None:
    end = tmp_path / "end"
    # Its output ends although the keeper goes on: nothing of it is held open.
    done = subprocess.run(
        [sys.executable, "-c", DETACHING, str(process.pid), str(end)],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == "it keeps\n"
    time.sleep(0.3)
    assert not end.exists()
    process.kill()
    process.wait()
    wait_for(lambda: end.exists() and end.read_text(), 5, "the keeper sees the end", 0.05)
    # Input, both outputs, the file itself and the listing.
    assert int(end.read_text()) <= 5


def test_a_keeper_that_ends_at_once_reports_nothing() -> None:
    code = "from lab_reset import keeper; print(repr(keeper.detach(lambda report: 1 / 0)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True,
        check=True, timeout=30,
    )  # fmt: skip
    assert done.stdout == "''\n"
