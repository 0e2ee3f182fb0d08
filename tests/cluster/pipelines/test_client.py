"""Every row of the contract's table of calls, with the SDK's own client."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kfp
import kfp_server_api
import pytest
import requests
from kfp import compiler
from pipeline_project import PipelineServer
from sdk_pipelines import constructs

from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster


@pytest.fixture
def package(tmp_path: Path) -> str:
    path = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(constructs.two_steps, str(path))
    return str(path)


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


def equals(key: str, value: str, operation: Any = "EQUALS") -> str:
    return json.dumps({"predicates": [{"operation": operation, "key": key, "stringValue": value}]})


def test_health(client: kfp.Client, server: PipelineServer) -> None:
    assert client.get_kfp_healthz().multi_user is False
    for version in ("v1beta1", "v2beta1"):
        reply = requests.get(
            f"{server.url}/apis/{version}/healthz",
            verify=str(server.ca_certificate),
            timeout=10,
        )
        assert reply.status_code == 200, "health is open"


def test_experiments(client: kfp.Client, name: str) -> None:
    made = client.create_experiment(name, description="for a test")
    assert client.get_experiment(experiment_name=name).experiment_id == made.experiment_id
    assert client.get_experiment(made.experiment_id).description == "for a test"
    listed = client.list_experiments(filter=equals("display_name", name), page_size=5)
    assert [item.display_name for item in listed.experiments] == [name]
    client.archive_experiment(made.experiment_id)
    assert client.get_experiment(made.experiment_id).storage_state == "ARCHIVED"
    client.unarchive_experiment(made.experiment_id)
    assert client.get_experiment(made.experiment_id).storage_state == "AVAILABLE"
    client.delete_experiment(made.experiment_id)
    with pytest.raises(kfp_server_api.ApiException) as caught:
        client.get_experiment(made.experiment_id)
    body = json.loads(caught.value.body)
    assert (caught.value.status, body["code"]) == (404, 5)
    assert made.experiment_id in body["message"]


def test_an_experiment_s_name_is_taken_once(server: PipelineServer, name: str) -> None:
    body = {"display_name": name}
    replies = [server.request("POST", "/apis/v2beta1/experiments", json=body) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 409]
    assert replies[1].json()["code"] == 6


def test_pipelines_and_versions(client: kfp.Client, package: str, name: str) -> None:
    made = client.upload_pipeline(package, pipeline_name=name, description="for a test")
    assert client.get_pipeline_id(name) == made.pipeline_id
    for operation in (1, "EQUALS"):
        found = client.list_pipelines(filter=equals("display_name", name, operation))
        assert [item.pipeline_id for item in found.pipelines] == [made.pipeline_id]
    assert client.get_pipeline(made.pipeline_id).description == "for a test"
    version = client.upload_pipeline_version(
        package, pipeline_version_name=f"{name}-2", pipeline_name=name
    )
    versions = client.list_pipeline_versions(made.pipeline_id, sort_by="created_at desc")
    names = [item.display_name for item in versions.pipeline_versions]
    assert names == [f"{name}-2", name]
    got = client.get_pipeline_version(made.pipeline_id, version.pipeline_version_id)
    assert got.pipeline_spec["pipelineInfo"]["name"] == "two-steps"
    for item in versions.pipeline_versions:
        client.delete_pipeline_version(made.pipeline_id, item.pipeline_version_id)
    client.delete_pipeline(made.pipeline_id)
    assert client.get_pipeline_id(name) is None


def test_a_pipeline_by_its_name(
    client: kfp.Client, server: PipelineServer, package: str, name: str
) -> None:
    made = client.upload_pipeline(package, pipeline_name=name)
    reply = server.request("GET", f"/apis/v2beta1/pipelines/names/{name}")
    assert reply.json()["pipeline_id"] == made.pipeline_id


def test_a_run_of_a_stored_version(
    client: kfp.Client, package: str, name: str, wait_for_run: Callable[..., Any]
) -> None:
    pipeline = client.upload_pipeline(package, pipeline_name=name)
    version = client.list_pipeline_versions(pipeline.pipeline_id).pipeline_versions[0]
    experiment = client.create_experiment("tests")
    started = client.run_pipeline(
        experiment.experiment_id,
        name,
        pipeline_id=pipeline.pipeline_id,
        version_id=version.pipeline_version_id,
        params={"n": 4},
    )
    done = wait_for_run(client, started.run_id)
    assert done.state == "SUCCEEDED"
    reference = done.pipeline_version_reference
    assert reference.pipeline_version_id == version.pipeline_version_id
    assert done.runtime_config.parameters == {"n": 4}
    assert [entry.state for entry in done.state_history][:2] == ["PENDING", "RUNNING"]
    assert all(task.state_history for task in done.run_details.task_details)


def test_runs_are_archived_listed_and_deleted(
    client: kfp.Client, name: str, package: str, wait_for_run: Callable[..., Any]
) -> None:
    started = client.create_run_from_pipeline_package(package, run_name=name)
    wait_for_run(client, started.run_id)
    experiment = client.get_experiment(experiment_name="Default")
    listed = client.list_runs(
        experiment_id=experiment.experiment_id,
        filter=equals("display_name", name),
        sort_by="created_at desc",
    )
    assert [item.run_id for item in listed.runs] == [started.run_id]
    client.archive_run(started.run_id)
    assert client.get_run(started.run_id).storage_state == "ARCHIVED"
    available = client.list_runs(filter=equals("storage_state", "AVAILABLE"), page_size=100)
    assert started.run_id not in {item.run_id for item in available.runs}
    client.unarchive_run(started.run_id)
    client.delete_run(started.run_id)
    with pytest.raises(kfp_server_api.ApiException):
        client.get_run(started.run_id)


def test_pages_cover_everything_once(client: kfp.Client, name: str) -> None:
    for number in range(5):
        client.create_experiment(f"{name}-{number}")
    wanted = json.dumps(
        {"predicates": [{"operation": "IS_SUBSTRING", "key": "display_name", "stringValue": name}]}
    )
    names: list[str] = []
    token = ""
    while True:
        page = client.list_experiments(
            page_token=token, page_size=2, sort_by="display_name desc", filter=wanted
        )
        assert page.total_size == 5
        names += [item.display_name for item in page.experiments]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"{name}-{number}" for number in (4, 3, 2, 1, 0)]


def test_termination_within_ten_seconds(client: kfp.Client, server: PipelineServer) -> None:
    started = client.create_run_from_pipeline_func(constructs.sleepers, enable_caching=False)

    def running() -> bool:
        pods = server.run_pods(started.run_id)
        phases = sorted(pod["status"]["phase"] for pod in pods)
        return phases == ["Running", "Running", "Succeeded"]

    wait_for(running, 60, "the steps do not run")
    asked = time.monotonic()
    client.terminate_run(started.run_id)
    with pytest.raises(kfp_server_api.ApiException) as refused:
        client.terminate_run(started.run_id)
    assert refused.value.status == 400
    wait_for(lambda: not server.run_pods(started.run_id), 10, "pods are left")
    wait_for(lambda: client.get_run(started.run_id).state == "CANCELED", 10, "not canceled")
    assert time.monotonic() - asked < 10
    ended = client.get_run(started.run_id).run_details.task_details
    states = {task.display_name: task.state for task in ended}
    assert states == {
        "sleepers": "CANCELED",
        "say": "SUCCEEDED",
        "sleep": "CANCELED",
        "sleep-2": "CANCELED",
    }


def test_a_retry_runs_only_what_failed(
    client: kfp.Client,
    server: PipelineServer,
    run: Callable[..., Any],
    bucket: Any,
    wait_for_run: Callable[..., Any],
) -> None:
    uri = f"s3://mlpipeline/tests/{uuid.uuid4().hex}.txt"
    failed = run(constructs.imports_late, arguments={"uri": uri})
    assert failed.state == "FAILED"
    before = {pod["metadata"]["name"] for pod in server.run_pods(failed.run_id)}
    bucket.put(uri.removeprefix("s3://mlpipeline/"), b"late")
    client.runs.run_service_retry_run(run_id=failed.run_id)
    done = wait_for_run(client, failed.run_id)
    after = {pod["metadata"]["name"] for pod in server.run_pods(failed.run_id)}
    assert done.state == "SUCCEEDED"
    assert {name.rsplit("-", 2)[0] for name in after - before} == {"read", "say-2"}


def test_the_same_request_makes_one_run(server: PipelineServer, package: str) -> None:
    import yaml

    body = {"display_name": "once", "pipeline_spec": yaml.safe_load(Path(package).read_text())}
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    ids = {
        server.request("POST", "/apis/v2beta1/runs", json=body, headers=headers).json()["run_id"]
        for _ in range(3)
    }
    assert len(ids) == 1


def test_recurring_runs(
    client: kfp.Client, server: PipelineServer, package: str, name: str
) -> None:
    experiment = client.create_experiment(name)
    made = client.create_recurring_run(
        experiment.experiment_id,
        name,
        cron_expression="*/2 * * * * *",
        max_concurrency=2,
        pipeline_package_path=package,
        params={"n": 2},
        enable_caching=True,
    )
    assert (made.mode, made.status) == ("ENABLE", "ENABLED")

    def runs() -> Any:
        listed = client.list_runs(experiment_id=experiment.experiment_id)
        return listed.runs if (listed.total_size or 0) >= 2 else None

    found = wait_for(runs, 30, "the schedule starts no runs")
    assert {item.recurring_run_id for item in found} == {made.recurring_run_id}
    client.disable_recurring_run(made.recurring_run_id)
    assert client.get_recurring_run(made.recurring_run_id).status == "DISABLED"
    listed = client.list_recurring_runs(experiment_id=experiment.experiment_id)
    assert [item.display_name for item in listed.recurring_runs] == [name]
    client.enable_recurring_run(made.recurring_run_id)
    client.delete_recurring_run(made.recurring_run_id)
    with pytest.raises(kfp_server_api.ApiException):
        client.get_recurring_run(made.recurring_run_id)


def test_periodic_runs(client: kfp.Client, package: str, name: str) -> None:
    experiment = client.create_experiment(name)
    made = client.create_recurring_run(
        experiment.experiment_id,
        name,
        interval_second=1,
        max_concurrency=1,
        no_catchup=True,
        pipeline_package_path=package,
        enable_caching=True,
    )
    assert made.trigger.periodic_schedule.interval_second == "1"

    def started() -> bool:
        listed = client.list_runs(experiment_id=experiment.experiment_id)
        return (listed.total_size or 0) >= 1

    wait_for(started, 30, "the period starts no runs")
    client.delete_recurring_run(made.recurring_run_id)


def test_a_recurring_run_without_a_trigger_runs_once(
    client: kfp.Client, server: PipelineServer, package: str, name: str
) -> None:
    """The SDK asks for a schedule; the API does not."""
    experiment = client.create_experiment(name).experiment_id
    version = client.upload_pipeline(package, name)
    body = {
        "display_name": name,
        "experiment_id": experiment,
        "pipeline_version_reference": {"pipeline_id": version.pipeline_id},
        "mode": "ENABLE",
    }
    made = server.request("POST", "/apis/v2beta1/recurringruns", json=body).json()
    assert made["trigger"] == {}

    def started() -> bool:
        return (client.list_runs(experiment_id=experiment).total_size or 0) >= 1

    wait_for(started, 30, "it starts no run")
    time.sleep(1.5)
    assert client.list_runs(experiment_id=experiment).total_size == 1, "once"
    client.delete_recurring_run(made["recurring_run_id"])


def test_no_token_and_a_token_without_the_right(server: PipelineServer) -> None:
    def status(headers: dict[str, str]) -> int:
        return requests.get(
            f"{server.url}/apis/v2beta1/runs",
            headers=headers,
            verify=str(server.ca_certificate),
            timeout=10,
        ).status_code

    # oauth-proxy's oauthproxy.go: whoever has no good token is refused with 403, not with 401.
    assert status({}) == 403
    assert status({"Authorization": "Bearer nonsense"}) == 403
    token = server.make_token("pipelines-test-nobody", None)
    assert status({"Authorization": f"Bearer {token}"}) == 403
