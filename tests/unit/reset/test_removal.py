"""The removal waits for what hangs below, and says what is still there when time is up."""

from __future__ import annotations

from typing import Any

import pytest

from lab_reset import cluster as clusters
from lab_reset.planning import Reference

MODEL = Reference("serving.kserve.io/v1beta1", "InferenceService", "mnist", "uid-model")


def named(kind: str, name: str, **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name, "uid": f"uid-{name}", **metadata}}


class Namespace:
    """A namespace in memory whose objects take some looks to go away."""

    def __init__(self, things: dict[str, list[dict[str, Any]]], looks: int) -> None:
        self.things, self.looks = things, looks
        self.deleted: list[str] = []
        self.hurried: list[str] = []

    def objects(self, api_version: str, kind: str) -> list[dict[str, Any]]:
        if self.deleted and kind == "Pod":
            self.looks -= 1
            if self.looks <= 0:
                self.things = {}
        return self.things.get(kind, [])

    def children(self) -> list[dict[str, Any]]:
        return [thing for kind in ("Deployment", "Pod") for thing in self.things.get(kind, [])]

    def delete(self, reference: Reference) -> None:
        self.deleted.append(str(reference))

    def hurry(self, pod: dict[str, Any]) -> None:
        self.hurried.append(pod["metadata"]["name"])


def test_pods_below_a_removed_object_are_waited_for() -> None:
    pod = named("Pod", "server", ownerReferences=[{"uid": "uid-model"}])
    seat = Namespace({"InferenceService": [named("InferenceService", "model")], "Pod": [pod]}, 3)
    clusters.remove(seat, [MODEL], timeout=5, pause=0)
    assert seat.deleted == ["InferenceService/mnist"]
    assert seat.objects("v1", "Pod") == []


def test_a_pod_that_is_ending_anyway_is_hurried_and_no_other() -> None:
    ending = {"ownerReferences": [{"uid": "uid-model"}], "deletionTimestamp": "t"}
    pods = [
        named("Pod", "draining", deletionGracePeriodSeconds=30, **ending),
        named("Pod", "nearly-gone", deletionGracePeriodSeconds=1, **ending),
        named("Pod", "not-asked-to-go", ownerReferences=[{"uid": "uid-model"}]),
        named("Pod", "foreign", deletionTimestamp="t", deletionGracePeriodSeconds=30),
    ]
    seat = Namespace({"InferenceService": [named("InferenceService", "model")], "Pod": pods}, 2)
    clusters.remove(seat, [MODEL], timeout=5, pause=0)
    assert set(seat.hurried) == {"draining"}


def test_what_stays_is_named_with_its_finalizer() -> None:
    stuck = named(
        "InferenceService", "model", deletionTimestamp="t",
        finalizers=["odh.inferenceservice.finalizers"],
    )  # fmt: skip
    seat = Namespace({"InferenceService": [stuck]}, 10**6)
    with pytest.raises(clusters.ResetError, match=r"after 0 s .* odh\.inferenceservice"):
        clusters.remove(seat, [MODEL], timeout=0, pause=0)


def test_nothing_to_remove_touches_nothing() -> None:
    seat = Namespace({}, 1)
    clusters.remove(seat, [], timeout=0)
    assert seat.deleted == []
