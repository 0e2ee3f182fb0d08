"""The work queue and the lease."""

from __future__ import annotations

import threading
import time

import kopf
import pytest

from controllers.leadership import Leadership
from lab_ground.kubernetes.conditions import is_true, set_condition
from lab_ground.kubernetes.reconciler import Reconciler
from lab_ground.waiting import wait_for


def wait_until(check, seconds=5.0):
    wait_for(check, seconds, "it happens", 0.005)


@pytest.fixture
def make():
    made = []

    def build(reconcile, **options):
        made.append(Reconciler(f"test-{len(made)}", reconcile, **options))
        return made[-1]

    yield build
    for reconciler in made:
        reconciler.stop(1)


def test_burst_of_one_object_is_one_pass(make):
    seen = []
    reconciler = make(lambda *key: seen.append(key))
    for _ in range(50):
        reconciler.enqueue("mnist", "one", delay=0.05)
    wait_until(lambda: seen)
    time.sleep(0.1)
    assert seen == [("mnist", "one")]


def test_change_during_a_pass_asks_for_another(make):
    started, go, passes = threading.Event(), threading.Event(), []

    def reconcile(namespace, name):
        passes.append(name)
        started.set()
        assert go.wait(5)

    reconciler = make(reconcile, workers=3)
    reconciler.enqueue("mnist", "one")
    assert started.wait(5)
    reconciler.enqueue("mnist", "one")
    time.sleep(0.05)
    assert len(passes) == 1, "two passes over one object at once"
    go.set()
    wait_until(lambda: len(passes) == 2)


def test_failure_is_tried_again(make):
    attempts = []

    def reconcile(namespace, name):
        attempts.append(name)
        if len(attempts) < 2:
            raise RuntimeError("not this time")

    make(reconcile).enqueue("mnist", "one")
    wait_until(lambda: len(attempts) == 2)


def test_not_yet_waits_as_long_as_it_says_and_never_is_never(make):
    attempts = {"wait": 0, "refuse": 0}

    def reconcile(namespace, name):
        attempts[name] += 1
        if name == "refuse":
            raise kopf.PermanentError("wrong")
        if attempts[name] == 1:
            raise kopf.TemporaryError("not yet", delay=0.05)

    reconciler = make(reconcile)
    reconciler.enqueue("mnist", "refuse")
    reconciler.enqueue("mnist", "wait")
    wait_until(lambda: attempts["wait"] == 2)
    time.sleep(0.05)
    assert attempts["refuse"] == 1


def test_stuck_object_does_not_hold_the_others_up(make):
    go, done = threading.Event(), []

    def reconcile(namespace, name):
        if name == "stuck":
            go.wait(5)
        done.append(name)

    reconciler = make(reconcile, workers=2)
    reconciler.enqueue("mnist", "stuck")
    for number in range(5):
        reconciler.enqueue("mnist", f"n{number}")
    wait_until(lambda: len(done) == 5)
    go.set()


def test_condition_keeps_its_time_until_its_status_changes():
    first = set_condition([], "Ready", False, "Starting", "one")
    first[0]["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    second = set_condition(first, "Ready", False, "Waiting", "two")
    assert second[0]["lastTransitionTime"] == "2020-01-01T00:00:00Z"
    assert second[0]["reason"] == "Waiting"
    third = set_condition(second, "Ready", True, "Running")
    assert third[0]["lastTransitionTime"] > "2020-01-01T00:00:00Z"
    assert is_true(third, "Ready")
    assert not is_true(third, "Other")


class TestLease:
    """Two processes and one lease."""

    def leader(self, cluster, name, clock):
        return Leadership(
            cluster,
            namespace="lab-platform",
            name="lab-operators",
            identity=name,
            lost=lambda: None,
            clock=clock,
        )

    def test_second_waits_and_takes_over_when_the_first_is_gone(self, cluster, clock):
        first, second = self.leader(cluster, "a", clock), self.leader(cluster, "b", clock)
        assert first.try_acquire()
        assert not second.try_acquire()
        clock.advance(14)
        assert not second.try_acquire()
        clock.advance(2)
        assert second.try_acquire()
        assert not first.try_acquire()

    def test_renewal_keeps_the_second_waiting(self, cluster, clock, monkeypatch):
        first, second = self.leader(cluster, "a", clock), self.leader(cluster, "b", clock)
        times = iter(f"2026-01-01T00:00:{n:02d}.000000Z" for n in range(60))
        monkeypatch.setattr("controllers.leadership._now", lambda: next(times))
        assert first.try_acquire()
        for _ in range(5):
            clock.advance(10)
            assert first.try_acquire()
            assert not second.try_acquire()

    def test_release_lets_the_second_in_at_once(self, cluster, clock):
        first, second = self.leader(cluster, "a", clock), self.leader(cluster, "b", clock)
        assert first.try_acquire()
        first.release()
        assert second.try_acquire()

    def test_only_one_of_two_wins_a_free_lease(self, cluster, clock):
        first, second = self.leader(cluster, "a", clock), self.leader(cluster, "b", clock)
        assert [first.try_acquire(), second.try_acquire()] == [True, False]
