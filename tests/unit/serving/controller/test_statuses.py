"""What an InferenceService's status says."""

from __future__ import annotations

from typing import Any

import pytest

from controllers.model_serving.specs import SpecError
from controllers.model_serving.status import (
    Copy,
    Observation,
    build_refusal,
    build_status,
    pod_trouble,
)
from lab_ground.kubernetes.conditions import get_condition

NEW, OLD = "mnist__isvc-new", "mnist__isvc-old"
URLS = {"url": "grpc://m:8033", "grpcUrl": "grpc://m:8033", "restUrl": "https://m:8443"}


def loaded(pod: str, revision: str = NEW) -> Copy:
    return Copy(pod, "Loaded", revision, revision)


def seen(*copies: Copy, wanted: int = 1, trouble: str = "") -> Observation:
    return Observation(NEW, wanted, copies, URLS, trouble)


def summary(status: dict[str, Any]) -> tuple[str, str, str, str]:
    model = status["modelStatus"]
    ready = get_condition(status["conditions"], "Ready")
    assert ready is not None
    assert get_condition(status["conditions"], "PredictorReady")["status"] == ready["status"]
    return (
        ready["status"],
        model["states"]["activeModelState"],
        model["states"]["targetModelState"],
        model["transitionStatus"],
    )


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (seen(), ("False", "Pending", "Loading", "InProgress")),
        (seen(Copy("a", "Loading", NEW)), ("False", "Loading", "Loading", "InProgress")),
        (seen(loaded("a")), ("True", "Loaded", "Loaded", "UpToDate")),
        (
            seen(loaded("a"), Copy("b", "Loading", NEW), wanted=2),
            ("False", "Loading", "Loading", "InProgress"),
        ),
        (seen(loaded("a"), loaded("b"), wanted=2), ("True", "Loaded", "Loaded", "UpToDate")),
        (
            seen(Copy("a", "FailedToLoad", NEW, "", "no object")),
            ("False", "FailedToLoad", "FailedToLoad", "BlockedByFailedLoad"),
        ),
        (
            seen(Copy("a", "FailedToLoad", NEW, OLD, "no object")),
            ("True", "Loaded", "FailedToLoad", "BlockedByFailedLoad"),
        ),
        (
            seen(Copy("a", "Loading", NEW, OLD)),
            ("True", "Loaded", "Loading", "InProgress"),
        ),
        (seen(wanted=0), ("False", "Pending", "Loading", "InProgress")),
    ],
)
def test_states(observed: Observation, expected: tuple[str, str, str, str]) -> None:
    assert summary(build_status({}, 1, observed)) == expected


def test_a_new_replica_does_not_take_the_model_down() -> None:
    before = build_status({}, 1, seen(loaded("a")))
    after = build_status(before, 1, seen(loaded("a"), Copy("b", "Loading", NEW), wanted=2))
    assert summary(after) == ("True", "Loaded", "Loading", "InProgress")


def test_the_last_replica_lost_is_told() -> None:
    before = build_status({}, 1, seen(loaded("a")))
    assert summary(build_status(before, 1, seen()))[0] == "False"


def test_a_failure_carries_its_cause() -> None:
    copy = Copy(
        "pod-a", "FailedToLoad", NEW, "", "no object at s3://rhods/x", "2026-01-01T00:00:00Z"
    )
    status = build_status({}, 3, seen(copy))
    assert status["modelStatus"]["lastFailureInfo"] == {
        "reason": "ModelLoadFailed",
        "message": "no object at s3://rhods/x",
        "modelRevisionName": NEW,
        "location": "pod-a",
        "time": "2026-01-01T00:00:00Z",
    }
    ready = get_condition(status["conditions"], "Ready")
    assert ready["message"] == "no object at s3://rhods/x"
    assert status["observedGeneration"] == 3
    assert status["modelStatus"]["copies"] == {"totalCopies": 0, "failedCopies": 1}


def test_the_same_failure_keeps_its_time() -> None:
    error = SpecError("NoSupportingRuntime", "none")
    first = build_refusal({}, 1, error)
    first["modelStatus"]["lastFailureInfo"]["time"] = "earlier"
    assert build_refusal(first, 1, error)["modelStatus"]["lastFailureInfo"]["time"] == "earlier"


def served(pod: str, name: str, message: str = "") -> Copy:
    return Copy(pod, "Loaded", NEW, NEW, message, served_as=name)


def name_of(status: dict[str, Any]) -> str:
    return str(status["modelStatus"]["activeRevisionName"])


def test_the_active_revision_is_called_as_in_replies() -> None:
    first = build_status({}, 1, seen(served("a", "mnist__isvc-1"), served("b", "mnist__isvc-1")))
    assert name_of(first) == "mnist__isvc-1"
    between = build_status(
        first, 1, seen(served("a", "mnist__isvc-0"), served("b", "mnist__isvc-1"), wanted=2)
    )
    assert name_of(between) == "mnist__isvc-1"
    after = build_status(between, 1, seen(served("a", "mnist__isvc-0")))
    assert name_of(after) == "mnist__isvc-0"
    assert summary(after) == ("True", "Loaded", "Loaded", "UpToDate")


def test_a_bad_overwrite_is_told_while_the_former_model_serves() -> None:
    status = build_status({}, 1, seen(served("a", "mnist__isvc-1", "the model was overwritten")))
    assert summary(status) == ("True", "Loaded", "Loaded", "UpToDate")
    assert status["modelStatus"]["lastFailureInfo"]["message"] == "the model was overwritten"


def test_every_status_says_which_generation_it_is_of() -> None:
    ready = build_status({}, 1, seen(loaded("a")))
    assert build_status(ready, 2, seen(loaded("a")))["observedGeneration"] == 2
    refused = build_refusal(ready, 3, SpecError("NoSupportingRuntime", "none"))
    assert refused["observedGeneration"] == 3


def test_a_refusal_is_an_invalid_spec() -> None:
    status = build_refusal({}, 1, SpecError("NoSupportingRuntime", "none supports x"))
    assert summary(status) == ("False", "FailedToLoad", "FailedToLoad", "InvalidSpec")
    assert status["modelStatus"]["lastFailureInfo"]["reason"] == "NoSupportingRuntime"
    assert status["url"] is None


def test_urls_are_told() -> None:
    status = build_status({}, 1, seen(loaded("a")))
    assert status["url"] == "grpc://m:8033"
    assert status["components"]["predictor"] == URLS


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, ""),
        ({"containerStatuses": [{"name": "s", "state": {"running": {}}}]}, ""),
        (
            {
                "containerStatuses": [
                    {"name": "s", "state": {"waiting": {"reason": "ErrImagePull"}}}
                ]
            },
            "container s: ErrImagePull",
        ),
        (
            {
                "containerStatuses": [
                    {
                        "name": "s",
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"reason": "OOMKilled"}},
                    }
                ]
            },
            "container s was out of memory",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "no node"}]},
            "pod cannot be scheduled: no node",
        ),
    ],
)
def test_why_pods_do_not_run(status: dict[str, Any], expected: str) -> None:
    assert pod_trouble([{"status": status}]) == expected


def test_pods_that_do_not_run_are_a_failure_of_the_runtime() -> None:
    status = build_status({}, 1, seen(trouble="container s: ErrImagePull"))
    assert status["modelStatus"]["lastFailureInfo"]["reason"] == "RuntimeUnhealthy"
    assert summary(status)[3] == "InProgress"


def test_a_model_whose_route_is_refused_is_not_ready() -> None:
    told = "Route mnist is not admitted: mnist-mnist.apps belongs to another project"
    refused = Observation(NEW, 1, [loaded("a")], URLS, route_trouble=told)
    conditions = build_status({}, 1, refused)["conditions"]
    ready, predictor = (get_condition(conditions, kind) for kind in ("Ready", "PredictorReady"))
    assert ready is not None
    assert predictor is not None
    assert (ready["status"], ready["reason"], ready["message"]) == (
        "False", "RouteNotAdmitted", told,
    )  # fmt: skip
    assert predictor["status"] == "True"
    # While there is no model, that is what is told.
    waiting = Observation(NEW, 1, [], URLS, route_trouble=told)
    found = get_condition(build_status({}, 1, waiting)["conditions"], "Ready")
    assert found is not None
    assert found["reason"] != "RouteNotAdmitted"
