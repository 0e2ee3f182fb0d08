"""Clients that others wrote, unmodified: kserve's and Triton's, over REST and gRPC.

Each runs in a process of its own: both bring the protocol's description under the same names, and
one process can hold only one of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from serving_endpoint import Endpoint
from serving_project import Project
from serving_requests import image_request

from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster
CLIENTS = Path(__file__).parent / "clients"


@pytest.fixture
def settings(
    project: Project,
    mnist: str,
    token: str,
    authority: str,
    route: Callable[[str], Endpoint],
) -> dict[str, Any]:
    found = project.client.get("route.openshift.io/v1", "Route", mnist, project.namespace)
    wait_for(
        lambda: route(mnist).infer(mnist, token=token)[0] == 200, 10, "the token opens the model"
    )
    return {
        "model": mnist,
        "url": f"https://{found['status']['ingress'][0]['host']}",
        "grpc": f"{project.pods()[0]['status']['podIP']}:8033",
        "token": token,
        "authority": authority,
        "value": 0.5,
    }


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
@pytest.mark.parametrize("library", ["kserve_client", "triton_client"])
def test_client(
    settings: dict[str, Any],
    plain: Endpoint,
    mnist: str,
    library: str,
    protocol: str,
    binary: bool,
) -> None:
    done = subprocess.run(
        [sys.executable, str(CLIENTS / f"{library}.py"), protocol],
        input=json.dumps({**settings, "binary": binary}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    expected = plain.infer(mnist, image_request(0.5, count=2))[1]
    assert answer["ready"] is True
    assert answer["model_name"] == expected["model_name"]
    assert answer["shape"] == [2, 10]
    assert answer["data"] == pytest.approx(expected["outputs"][0]["data"], abs=1e-5)
