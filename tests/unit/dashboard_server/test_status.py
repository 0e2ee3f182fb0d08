"""Upstream's words for workbenches, models and pipeline servers, from objects alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import kinds
from dashboard.snapshot import Snapshot
from dashboard.status import model as models
from dashboard.status.causes import cause_of
from dashboard.status.pipelines import state_of
from dashboard.status.workbench import status_of

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


def at(seconds):
    return (NOW + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def notebook(stopped=None, age=60):
    annotations = {"kubeflow-resource-stopped": stopped} if stopped is not None else {}
    metadata = {"name": "nb", "namespace": "mnist", "creationTimestamp": at(-age)}
    return {"kind": "Notebook", "metadata": {**metadata, "annotations": annotations}}


def pod(*states, age=60, phase="Pending"):
    statuses = [
        {"name": f"c{index}", "ready": "running" in state, "state": state}
        for index, state in enumerate(states)
    ]
    metadata = {"name": "nb-0", "uid": "u1", "creationTimestamp": at(-age), "namespace": "mnist",
                "labels": {"notebook-name": "nb"}}  # fmt: skip
    return {"kind": "Pod", "metadata": metadata,
            "status": {"phase": phase, "containerStatuses": statuses}}  # fmt: skip


def event(reason, message="", *, kind="Normal", seconds=-10, about=None):
    return {
        "reason": reason,
        "message": message,
        "type": kind,
        "lastTimestamp": at(seconds),
        "involvedObject": about or {"kind": "Pod", "uid": "u1", "name": "nb-0"},
    }


RUNNING = {"running": {}}
WAITING = {"waiting": {"reason": "ContainerCreating"}}


class TestWorkbench:
    """Starting, Running, Stopping, Stopped, Failed."""

    @pytest.mark.parametrize(
        ("bench", "pods", "word"),
        [
            (notebook(), [], "Starting"),
            (notebook(), [pod(RUNNING, WAITING)], "Starting"),
            (notebook(), [pod(RUNNING, RUNNING)], "Running"),
            (notebook("mnist-lab"), [pod(RUNNING)], "Stopping"),
            (notebook("2024-01-31T09:00:00Z"), [], "Stopped"),
            # The controller's own lock while it prepares a workbench is no stop.
            (notebook("odh-notebook-controller-lock"), [], "Starting"),
            (notebook(), [pod({"waiting": {"reason": "ImagePullBackOff"}})], "Failed"),
            (notebook(), [pod({"waiting": {"reason": "CrashLoopBackOff"}}, RUNNING)], "Failed"),
        ],
    )
    def test_word(self, bench, pods, word):
        assert status_of(bench, pods, [], NOW).word == word

    def test_progress_in_the_dashboards_words(self):
        events = [
            event("SuccessfulCreate", about={"kind": "StatefulSet", "name": "nb"}, seconds=-50),
            event("Scheduled", seconds=-49),
            event("Pulled", "image mnist-workbench is present", seconds=-40),
            event("Started", "Started container nb", seconds=-30),
            event("Started", "Started container oauth-proxy", seconds=-20),
        ]
        found = status_of(notebook(), [pod(WAITING)], events, NOW)
        assert found.word == "Starting"
        assert found.percent == 96
        assert found.message == "Oauth proxy container started"
        labels = {step["label"]: step["state"] for step in found.steps}
        # Plain Kubernetes tells of no interface and of no volume: they are not waited for.
        assert "Interface added" not in labels
        assert labels["Pod assigned"] == "done"
        assert labels["Workbench started"] == "progress"

    def test_steps_before_one_that_is_done_are_done(self):
        events = [event("Pulling", "Pulling image nb")]
        steps = status_of(notebook(), [pod(WAITING)], events, NOW).steps
        states = [step["state"] for step in steps]
        assert states == sorted(states, key=["done", "progress", "pending"].index)
        assert states.count("progress") == 1

    def test_newest_error_fails_after_half_a_minute(self):
        told = event("FailedScheduling", "0/1 nodes are available", kind="Warning")
        early = pod(age=10)
        assert status_of(notebook(age=10), [early], [told], NOW).word == "Starting"
        found = status_of(notebook(), [pod()], [told], NOW)
        assert found.word == "Failed"
        assert found.message == "Insufficient resources to start"
        later = event("Scheduled", seconds=-5)
        assert status_of(notebook(), [pod()], [told, later], NOW).word == "Starting"

    def test_quota_before_there_is_a_pod(self):
        about = {"kind": "StatefulSet", "name": "nb"}
        told = event("FailedCreate", "exceeded quota", kind="Warning", about=about)
        found = status_of(notebook(), [], [told], NOW)
        assert (found.word, found.message) == ("Failed", "Failed to create pod")

    def test_a_probe_of_a_server_that_starts_is_no_failure(self):
        told = event("Unhealthy", "Readiness probe failed: connection refused", kind="Warning")
        started = event("Started", "Started container nb", seconds=-20)
        found = status_of(notebook(), [pod(RUNNING, WAITING)], [started, told], NOW)
        assert (found.word, found.message) == ("Starting", "Notebook container started")

    def test_events_of_an_earlier_pod_do_not_count(self):
        old = event("BackOff", kind="Warning", about={"kind": "Pod", "uid": "u0", "name": "nb-0"})
        assert status_of(notebook(), [pod(WAITING)], [old], NOW).events == []

    def test_cause_is_a_sentence(self):
        snapshot = Snapshot("mnist")
        waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image x:1"}}
        bench = {**notebook(), "spec": {}}
        snapshot.put(kinds.POD, [pod(waiting)])
        snapshot.put(kinds.EVENT, [])
        cause = cause_of(snapshot, bench)
        assert cause is not None
        assert "image" in cause
        assert cause.startswith("Notebook mnist/nb")


def model(active=None, target=None, failure=None, mode="ModelMesh", **status):
    states = {k: v for k, v in (("activeModelState", active), ("targetModelState", target)) if v}
    info = {"lastFailureInfo": {"message": failure}} if failure else {}
    return {
        "metadata": {
            "name": "m",
            "annotations": {"serving.kserve.io/deploymentMode": mode},
        },
        "spec": {"predictor": {"model": {"runtime": "ms"}}},
        "status": {"modelStatus": {"states": states, **info}, **status},
    }


class TestModel:
    """Available, In Progress, Failed, Status Unknown."""

    @pytest.mark.parametrize(
        ("made", "state", "word"),
        [
            (model(), "Unknown", "Status Unknown"),
            (model("Loaded"), "Loaded", "Available"),
            (model("Standby"), "Standby", "Available"),
            (model("", "Loading"), "Loading", "In Progress"),
            (model("Pending", "Loaded"), "Pending", "In Progress"),
            (model("FailedToLoad"), "FailedToLoad", "Failed"),
            (model("Nonsense"), "Unknown", "Status Unknown"),
        ],
    )
    def test_state(self, made, state, word):
        found = models.status_of(made, [])
        assert (found["state"], found["word"]) == (state, word)

    def test_reason_of_a_failure(self):
        found = models.status_of(model("FailedToLoad", failure="no such key"), [])
        assert found["message"] == "no such key"

    def test_pod_that_fits_nowhere(self):
        waiting = {
            "metadata": {"labels": {"name": "modelmesh-serving-ms"}},
            "status": {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "reason": "Unschedulable"}],
            },
        }
        found = models.status_of(model("Loading"), [waiting])
        assert (found["state"], found["message"]) == ("FailedToLoad", "Insufficient resources")

    def test_endpoints_inside(self):
        parts = {"predictor": {"restUrl": "http://s:8008", "grpcUrl": "grpc://s:8033"}}
        found = models.endpoints_of(model(components=parts), None, wants_route=False)
        assert [entry["name"] for entry in found["internal"]] == ["grpcUrl", "restUrl"]
        assert found["external"] is None
        nothing = models.endpoints_of(model(), None, wants_route=False)
        assert nothing["message"] == "No endpoint was found."

    def test_endpoint_outside_comes_with_its_route(self):
        waiting = models.endpoints_of(model(), None, wants_route=True)
        assert waiting["message"] == "The route is being made."
        route = {"spec": {"path": "/v2/models/m"}, "status": {"ingress": [{"host": "m.lab"}]}}
        found = models.endpoints_of(model(), route, wants_route=True)
        assert found["external"] == "https://m.lab/v2/models/m/infer"

    def test_model_with_a_server_of_its_own(self):
        inside = {"address": {"url": "https://m-predictor.mnist.svc.cluster.local:8443"},
                  "url": "https://m-predictor.mnist.svc.cluster.local"}  # fmt: skip
        made = model(mode="RawDeployment", **inside)
        assert models.endpoints_of(made, None, wants_route=False)["external"] is None
        made["status"]["url"] = "https://m-mnist.apps.lab"
        found = models.endpoints_of(made, None, wants_route=True)
        assert found["external"] == "https://m-mnist.apps.lab"


@pytest.mark.parametrize(
    ("spec", "conditions", "age", "state"),
    [
        ({"dspVersion": "v2"}, [], 10, "starting"),
        ({"dspVersion": "v2"}, [{"type": "APIServerReady", "status": "True"}], 10, "ready"),
        ({"dspVersion": "v2"}, [{"type": "Ready", "status": "False", "message": "no bucket"}], 400,
         "failed"),
        ({"dspVersion": "v1"}, [], 10, "unsupported"),
    ],
)  # fmt: skip
def test_pipeline_server(spec, conditions, age, state):
    made = {"metadata": {"creationTimestamp": at(-age)}, "spec": spec,
            "status": {"conditions": conditions}}  # fmt: skip
    found, message = state_of(made, NOW)
    assert found == state
    if state == "failed":
        assert message == "no bucket"
