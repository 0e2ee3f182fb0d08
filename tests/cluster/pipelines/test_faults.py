"""Faults: the run ends in the right state with a reason, and the next run works."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kfp
import pytest
from pipeline_project import PipelineServer
from sdk_pipelines import constructs, faulty

from lab_ground.waiting import wait_for

from .test_constructs import tasks

pytestmark = pytest.mark.cluster
Run = Callable[..., Any]


@pytest.fixture
def works_after(run: Run) -> Any:
    """After the fault, an ordinary run succeeds."""
    yield
    assert run(constructs.two_steps).state == "SUCCEEDED", "the next run works"


def running_pod(server: PipelineServer, run_id: str) -> dict[str, Any]:
    def find() -> Any:
        pods = server.run_pods(run_id)
        return next((pod for pod in pods if pod["status"]["phase"] == "Running"), None)

    found: dict[str, Any] = wait_for(find, 60, "no step runs")
    return found


def start(client: kfp.Client, pipeline: Any, **options: Any) -> str:
    return str(
        client.create_run_from_pipeline_func(pipeline, enable_caching=False, **options).run_id
    )


def test_a_step_s_pod_is_deleted(
    client: kfp.Client, server: PipelineServer, wait_for_run: Any, works_after: None
) -> None:
    run_id = start(client, faulty.one_sleeper)
    pod = running_pod(server, run_id)
    server.kill(f"pipelines.kubeflow.org/task-id={_task_id(pod)}")
    done = wait_for_run(client, run_id, 60)
    assert done.state == "FAILED"
    assert "pod is gone" in done.error.message or "asked to stop" in done.error.message


def test_a_deleted_pod_is_tried_again_where_the_author_wants_it(
    client: kfp.Client, server: PipelineServer, wait_for_run: Any
) -> None:
    run_id = start(client, faulty.sleeper_with_retry)
    pod = running_pod(server, run_id)
    server.kill(f"pipelines.kubeflow.org/task-id={_task_id(pod)}")
    done = wait_for_run(client, run_id, 90)
    assert done.state == "SUCCEEDED"
    assert tasks(server, done)["sleep"]["attempts"] == 2


def test_a_step_uses_more_memory_than_it_may(run: Run, works_after: None) -> None:
    done = run(faulty.greedy)
    assert done.state == "FAILED"
    assert "memory" in done.error.message


def test_the_server_is_killed_in_the_middle_of_a_run(
    client: kfp.Client, server: PipelineServer, wait_for_run: Any, works_after: None
) -> None:
    run_id = start(client, faulty.chain)
    running_pod(server, run_id)
    server.kill(f"app=ds-pipeline-{server.name}")
    wait_for(server.answers, 60, "the server does not come back")
    done = wait_for_run(client, run_id, 90)
    assert done.state == "SUCCEEDED"
    found = tasks(server, done).values()
    assert {task["attempts"] for task in found if task["kind"] == "CONTAINER"} == {1}


def test_two_replicas_run_every_step_once(
    client: kfp.Client, server: PipelineServer, wait_for_run: Any
) -> None:
    deployment = f"ds-pipeline-{server.name}"
    server.scale(deployment, 2, 90)
    try:
        ids = [start(client, faulty.chain) for _ in range(3)]
        running_pod(server, ids[0])
        leader = server.pods(f"app={deployment}")[0]["metadata"]["name"]
        server.kubernetes.delete("v1", "Pod", leader, server.namespace)
        wait_for(server.answers, 30, "the other replica does not answer")
        for run_id in ids:
            done = wait_for_run(client, run_id, 120)
            assert done.state == "SUCCEEDED"
            assert len(server.run_pods(run_id)) == 3
    finally:
        wait_for(lambda: len(server.pods(f"app={deployment}")) >= 2, 60, "no second replica")
        server.scale(deployment, 1, 90)


def test_the_database_is_restarted(
    client: kfp.Client, server: PipelineServer, wait_for_run: Any, works_after: None
) -> None:
    run_id = start(client, faulty.chain)
    running_pod(server, run_id)
    server.kill(f"app=mariadb-{server.name}")
    wait_for(server.answers, 90, "the API does not come back")
    assert wait_for_run(client, run_id, 120).state == "SUCCEEDED"


def test_the_object_store_is_away_for_thirty_seconds(
    client: kfp.Client, server: PipelineServer, wait_for_run: Any, works_after: None
) -> None:
    run_id = start(client, faulty.late_artifact)
    running_pod(server, run_id)
    with server.without(f"minio-{server.name}"):
        time.sleep(30)
    done = wait_for_run(client, run_id, 180)
    assert done.state == "SUCCEEDED", done.error
    assert tasks(server, done)["read"]["output_parameters"]["Output"] == "5/5"


@pytest.fixture
def small_claim(server: PipelineServer, tmp_path: Path) -> Iterator[Path]:
    """The claim ``small``, on a file system of 16 MiB of the node's; the node is this machine."""
    nodes = [node["metadata"]["name"] for node in server.kubernetes.list_objects("v1", "Node")]
    if not Path("/run/mnist-lab/containerd.sock").exists() or len(nodes) != 1:
        pytest.skip("only on a node that is this machine can a test make a volume of a fixed size")
    options = ["-t", "tmpfs", "-o", "size=16m,mode=0777", "small", str(tmp_path)]
    subprocess.run(["mount", *options], check=True)
    name = f"small-{server.namespace}"
    hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": nodes}
    capacity = {"storage": "16Mi"}
    volume = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": capacity,
        "persistentVolumeReclaimPolicy": "Retain",
        "storageClassName": name,
        "local": {"path": str(tmp_path)},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [hostname]}]}},
    }
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": capacity},
        "storageClassName": name,
        "volumeName": name,
    }
    kind = "PersistentVolumeClaim"
    place = {"name": "small", "namespace": server.namespace}
    create = server.kubernetes.create
    create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": volume,
        }
    )
    create({"apiVersion": "v1", "kind": kind, "metadata": place, "spec": claim})
    yield tmp_path
    for pod in server.pods("pipelines.kubeflow.org/v2_component=true"):
        server.kubernetes.delete("v1", "Pod", pod["metadata"]["name"], server.namespace)
    server.kubernetes.delete("v1", kind, "small", server.namespace)
    wait_for(
        lambda: server.kubernetes.get("v1", kind, "small", server.namespace) is None, 60, "claim"
    )
    server.kubernetes.delete("v1", "PersistentVolume", name)
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_volume(run: Run, small_claim: Path, works_after: None) -> None:
    done = run(faulty.full_volume)
    assert done.state == "FAILED"
    assert "No space left on device" in done.error.message
    assert 15 * 2**20 < (small_claim / "file").stat().st_size <= 16 * 2**20


@pytest.mark.parametrize("pipeline", [faulty.missing_secret, faulty.missing_volume])
def test_a_secret_that_is_not_there(
    client: kfp.Client, server: PipelineServer, works_after: None, pipeline: Any
) -> None:
    run_id = start(client, pipeline)
    wait_for(lambda: server.run_pods(run_id), 30, "no pod")

    def note() -> bool:
        step = server.tasks(run_id)[-1]
        return "absent" in step.get("note", "")

    wait_for(note, 60, "the API does not say what the step waits for")
    client.terminate_run(run_id)
    wait_for(lambda: client.get_run(run_id).state == "CANCELED", 15, "not canceled")


def test_a_training_that_diverged(run: Run, works_after: None) -> None:
    done = run(faulty.diverged)
    assert done.state == "FAILED"
    assert "metadata.loss is nan" in done.error.message


def test_many_requests_while_a_run_goes_on(client: kfp.Client, server: PipelineServer) -> None:
    errors: list[str] = []

    def ask() -> None:
        for _ in range(10):
            reply = server.request("GET", "/apis/v2beta1/runs?page_size=10")
            if reply.status_code != 200:
                errors.append(reply.text)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []


def _task_id(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"]["pipelines.kubeflow.org/task-id"])
