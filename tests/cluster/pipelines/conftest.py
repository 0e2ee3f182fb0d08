"""Fixtures: a namespace, a pipeline server in it, the SDK's client through the Route."""

# Fixtures are asked for by the names that they are imported under.
# ruff: noqa: F811

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import boto3
import kfp
import kfp_server_api
import pytest
import urllib3
from pipeline_fixtures import client, kubernetes, namespace, server  # noqa: F401
from pipeline_project import NAME, PipelineServer


@pytest.fixture(scope="session")
def bucket(server: PipelineServer) -> Any:
    """The project's bucket, through the store's Route, with the project's keys."""
    keys = server.secret(f"ds-pipeline-s3-{NAME}")
    resource = boto3.resource(
        "s3",
        endpoint_url=server.store_url,
        aws_access_key_id=keys["accesskey"],
        aws_secret_access_key=keys["secretkey"],
        region_name="us-east-1",
        verify=str(server.ca_certificate),
    )
    return resource.Bucket("rhods")


@pytest.fixture
def run(client: kfp.Client, server: PipelineServer) -> Callable[..., Any]:
    """Start a pipeline and wait for its end; gives the run."""

    def start(pipeline: Any, *, timeout: float = 120, **options: Any) -> Any:
        options.setdefault("enable_caching", False)
        started = client.create_run_from_pipeline_func(pipeline, experiment_name="tests", **options)
        return wait(client, started.run_id, timeout)

    return start


def wait(client: kfp.Client, run_id: str, timeout: float = 120) -> Any:
    """The run when it has ended; fails with what its steps say when it does not in time."""
    deadline = time.monotonic() + timeout
    while True:
        found = _get_run(client, run_id, deadline)
        if found.state in {"SUCCEEDED", "FAILED", "CANCELED"}:
            return found
        if time.monotonic() > deadline:
            steps = [
                f"{task.display_name}: {task.state} {task.pod_name}"
                for task in (found.run_details.task_details if found.run_details else [])
            ]
            pytest.fail(f"run {run_id} is {found.state} after {timeout} s: {steps}")
        time.sleep(0.3)


def _get_run(client: kfp.Client, run_id: str, deadline: float) -> Any:
    """The run; a server that is just coming back is asked again."""
    while True:
        try:
            return client.get_run(run_id)
        except kfp_server_api.ApiException as error:
            if (error.status or 500) < 500 or time.monotonic() > deadline:
                raise
        except urllib3.exceptions.HTTPError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.5)


@pytest.fixture(scope="session")
def wait_for_run() -> Callable[..., Any]:
    return wait
