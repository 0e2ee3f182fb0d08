"""What ``platforms.kubernetes`` can say, and what a step's pod tells a ``kubectl`` user."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import kfp
import pytest
from pipeline_project import PipelineServer
from sdk_pipelines import constructs, kubernetes_pipelines

from lab_ground.waiting import wait_for

from .test_constructs import outputs, tasks

pytestmark = pytest.mark.cluster
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def settings(server: PipelineServer) -> Iterator[None]:
    """A Secret and a ConfigMap named ``settings``."""
    metadata = {"name": "settings", "namespace": server.namespace}
    for kind, data in (("Secret", "stringData"), ("ConfigMap", "data")):
        server.kubernetes.apply(
            {"apiVersion": "v1", "kind": kind, "metadata": metadata, data: {"word": kind}}
        )
    yield
    for kind in ("Secret", "ConfigMap"):
        server.kubernetes.delete("v1", kind, "settings", server.namespace)


def test_everything_the_sdk_can_ask_for(run: Run, server: PipelineServer, settings: None) -> None:
    done = run(kubernetes_pipelines.configured)
    assert done.state == "SUCCEEDED", done.error
    pod = server.run_pods(done.run_id)[0]
    found = outputs(server, done)["look"]["Output"]
    assert found["files"] == {
        "/etc/secret/word": "Secret",
        "/etc/config/word": "ConfigMap",
        "/scratch": [],
    }
    assert found["environment"] == {
        "WORD": "Secret",
        "OTHER": "ConfigMap",
        "POD": pod["metadata"]["name"],
        "NOTHING": None,
    }
    assert pod["metadata"]["labels"]["lab/colour"] == "green"
    assert pod["metadata"]["annotations"]["lab/note"] == "a note"
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/os": "linux"}
    tolerated = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert tolerated in pod["spec"]["tolerations"]
    main = pod["spec"]["containers"][0]
    assert main["imagePullPolicy"] == "IfNotPresent"
    assert main["resources"] == {
        "requests": {"cpu": "20m", "memory": "64Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }


def test_claims_are_made_mounted_and_removed(run: Run, server: PipelineServer) -> None:
    done = run(kubernetes_pipelines.volumes)
    found = outputs(server, done)
    assert found["look"]["Output"]["files"] == {"/data/word": "shared"}
    name = found["createpvc"]["name"]
    claim = server.kubernetes.get("v1", "PersistentVolumeClaim", name, server.namespace)
    assert claim is None or claim["metadata"].get("deletionTimestamp")


def test_a_step_that_takes_too_long(run: Run, server: PipelineServer) -> None:
    done = run(kubernetes_pipelines.timeout)
    assert done.state == "FAILED"
    assert "longer than its limit of 3 s" in done.error.message
    assert (done.finished_at - done.created_at).total_seconds() < 15


def test_an_image_s_own_entry_point(run: Run, server: PipelineServer) -> None:
    done = run(kubernetes_pipelines.image_entrypoint)
    pod = server.run_pods(done.run_id)[0]
    names = [item["name"] for item in pod["spec"]["initContainers"]]
    assert names == ["fetch", "finish"], "without a command, helpers do the launcher's work"
    assert outputs(server, done)["without-python"]["out"] == "hello\n"


def test_a_step_is_a_pod_that_anybody_can_read(run: Run, server: PipelineServer) -> None:
    done = run(constructs.two_steps)
    assert done.state == "SUCCEEDED"
    by_task = {task["task_id"]: task for task in tasks(server, done).values()}
    pods = server.run_pods(done.run_id)
    assert len(pods) == 2
    for pod in pods:
        labels = pod["metadata"]["labels"]
        task = by_task[labels["pipelines.kubeflow.org/task-id"]]
        assert task["pod_name"] == pod["metadata"]["name"]
        assert labels["pipelines.kubeflow.org/task-name"] == task["name"]
        owner = pod["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"]) == ("DataSciencePipelinesApplication", server.name)
        spec = pod["spec"]
        assert spec["serviceAccountName"] == f"pipeline-runner-{server.name}"
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_a_log_can_be_followed(client: kfp.Client, server: PipelineServer) -> None:
    started = client.create_run_from_pipeline_func(kubernetes_pipelines.talkative)

    def read() -> str:
        for task in server.tasks(started.run_id):
            if task["kind"] == "CONTAINER":
                path = f"/apis/v2beta1/runs/{started.run_id}/tasks/{task['task_id']}/log"
                return server.request("GET", path).text
        return ""

    wait_for(lambda: "still talking" in read(), 60, "the log of a running step")
    assert client.get_run(started.run_id).state == "RUNNING"
    client.terminate_run(started.run_id)


def test_the_log_outlives_the_pod(run: Run, server: PipelineServer) -> None:
    done = run(constructs.nested, arguments={"n": 3})
    said = tasks(server, done)["say"]
    path = f"/apis/v2beta1/runs/{done.run_id}/tasks/{said['task_id']}/log"
    living = server.request("GET", path)
    server.kill(f"pipelines.kubeflow.org/task-id={said['task_id']}")
    kept = server.request("GET", path)
    assert "got-7-x" in living.text
    assert kept.text == living.text
    assert kept.headers["X-Log-Complete"] == "true"
