"""Fixtures: a namespace, a pipeline server in it, the SDK's client through the Route."""

# Fixtures are asked for by the names that they are imported under.
# ruff: noqa: F811

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kfp
import kfp_server_api
import pytest
import urllib3
from pipeline_fixtures import client, kubernetes, namespace, server  # noqa: F401
from pipeline_project import NAME, PipelineServer

from lab_ground.connections import DataConnection
from lab_ground.s3 import Bucket
from lab_ground.waiting import wait_for


@pytest.fixture(scope="session")
def bucket(server: PipelineServer) -> Bucket:
    """The project's bucket, through the store's Route, with the project's keys."""
    keys = server.secret(f"ds-pipeline-s3-{NAME}")
    connection = DataConnection(
        server.store_url, "mlpipeline", keys["accesskey"], keys["secretkey"]
    )
    return Bucket(connection, ca=str(server.ca_certificate))


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
    known: list[Any] = []

    def ended() -> Any:
        known[:] = [_get_run(client, run_id)]
        return known[0] if known[0].state in {"SUCCEEDED", "FAILED", "CANCELED"} else None

    def told() -> str:
        run = known[0] if known else None
        tasks = (run.run_details.task_details if run and run.run_details else None) or []
        steps = [f"{task.display_name}: {task.state} {task.pod_name}" for task in tasks]
        return f"the end of run {run_id}, which is {run and run.state}: {steps}"

    # A server that is just coming back is asked again.
    away = (AwayError, urllib3.exceptions.HTTPError)
    return wait_for(ended, timeout, told, 0.3, excused=away)


class AwayError(Exception):
    """The server answered that it cannot."""


def _get_run(client: kfp.Client, run_id: str) -> Any:
    try:
        return client.get_run(run_id)
    except kfp_server_api.ApiException as error:
        if (error.status or 500) < 500:
            raise
        raise AwayError(str(error)) from error


@pytest.fixture(scope="session")
def wait_for_run() -> Callable[..., Any]:
    return wait
