"""The lab from end to end on each version of OpenShift AI that the platform plays beside its own.

The platform is made to play the version, a seat of its own goes through the learner's steps by the
playbooks with the quick training, and the platform is set back. The seat's addresses stand in a
directory of the test. Workbenches of other seats start anew meanwhile: for the night.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_seat import REPOSITORY, STATE, lab

from lab_driver.kernel import run_cell
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.kubernetes.conditions import is_true
from lab_ground.waiting import wait_for

pytestmark = pytest.mark.cluster
VERSIONS = ("2.16", "3.5")
STEPS = ("prepare-lab", "train-model", "serve-model", "deploy-inference")
# What a controller takes apart in order, before its namespace goes.
HELD = (
    ("kubeflow.org/v1", "Notebook"),
    ("serving.kserve.io/v1beta1", "InferenceService"),
    (
        "datasciencepipelinesapplications.opendatahub.io/v1",
        "DataSciencePipelinesApplication",
    ),
)
CELL = "print(6 * 7)"


def run(*words: str, timeout: int = 900) -> str:
    done = lab("run", *words, timeout=timeout)
    assert done.returncode == 0, f"{words}\n{done.stdout[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def client() -> KubernetesClient:
    return open_client(str(STATE / "kubeconfig"))


def ready(client: KubernetesClient) -> set[tuple[str, str, str]]:
    """What is ready of the kinds that a version plays, as kind, namespace and name."""
    return {
        (kind, one["metadata"]["namespace"], one["metadata"]["name"])
        for api_version, kind in HELD
        for one in client.list_objects(api_version, kind)
        if is_true((one.get("status") or {}).get("conditions"), "Ready")
    }


@pytest.fixture(scope="module", params=VERSIONS)
def version(request: pytest.FixtureRequest, client: KubernetesClient) -> Iterator[str]:
    """The platform plays it, and plays its own again afterwards, with all that was ready before."""
    chosen, before = str(request.param), ready(client)
    try:
        run("install-platform", "-e", f"lab_openshift_ai_version='{chosen}'")
        yield chosen
    finally:
        run("install-platform")
        wait_for(
            lambda: before <= ready(client),
            300,
            lambda: f"{sorted(before - ready(client))} to be ready again",
        )


@pytest.fixture(scope="module")
def seat(
    version: str, client: KubernetesClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """A seat in which the lab was gone through; what its access file says."""
    name = f"mnist-on-{version.replace('.', '-')}"
    told = tmp_path_factory.mktemp("access")
    choices = {
        "lab_namespace": name,
        "lab_seats": [name],
        "lab_openshift_ai_version": version,
        "lab_training_profile": "quick",
        "lab_training_min_accuracy": 0.9,
        "lab_access_directory": str(told),
        "lab_access_ca_certificate": str(STATE / "ca.crt"),
    }
    try:
        for step in STEPS:
            run(step, "-e", json.dumps(choices))
        run("write-access", "-e", json.dumps(choices))
        access: dict[str, Any] = json.loads((told / "access.json").read_text())
        access["file"] = str(told / "access.json")
        yield access
    finally:
        for api_version, kind in HELD:
            for one in client.list_objects(api_version, kind, name):
                client.delete(api_version, kind, one["metadata"]["name"], name)
        wait_for(
            lambda: not [one for kind in HELD for one in client.list_objects(*kind, name)],
            180,
            "what finalizers hold to go",
        )
        client.delete("v1", "Namespace", name)
        wait_for(lambda: client.get("v1", "Namespace", name) is None, 120, "the seat to go")


def test_the_seat_knows_its_version(version: str, seat: dict[str, Any]) -> None:
    assert seat["openshift_ai_version"] == version
    assert seat["serving"]["mode"] == ("raw" if version == "3.5" else "modelmesh")
    host = seat["workbench"]["url"].split("/")[2]
    assert host.startswith("rh-ai." if version == "3.5" else "notebook-")


def test_a_cell_runs_in_the_workbench(seat: dict[str, Any], client: KubernetesClient) -> None:
    """By its login: on 3.5 below its path, on the gateway's one host."""
    spec = {"expirationSeconds": 600}
    path = client.path("v1", "ServiceAccount", seat["namespace"], "notebook", "token")
    answer = client.request("POST", path, body={"spec": spec})
    printed = run_cell(
        seat["workbench"]["url"], answer["status"]["token"], seat["ca_certificate"], CELL
    )
    assert printed.strip() == "42"


def test_the_way_is_the_version_s(
    version: str, seat: dict[str, Any], client: KubernetesClient
) -> None:
    route = client.get("route.openshift.io/v1", "Route", "notebook", seat["namespace"])
    assert (route is None) is (version == "3.5")
    if version == "3.5":
        name = f"nb-{seat['namespace']}-notebook"
        kind = ("gateway.networking.k8s.io/v1", "HTTPRoute")
        way = client.get(*kind, name, seat["images"]["namespace"])
        assert way is not None
        (parent,) = way["status"]["parents"]
        assert {one["type"]: one["status"] for one in parent["conditions"]} == {
            "Accepted": "True",
            "ResolvedRefs": "True",
        }


def test_it_is_validated(seat: dict[str, Any], tmp_path: Path) -> None:
    """By the validation's own checks but for the browser's, which other suites run."""
    command = [
        *("pytest", "-q", "tests/e2e/lab", f"--lab-access={seat['file']}"),
        *("-p", "lab_validation.plugin", f"--lab-report={tmp_path}"),
        *("-m", "pipelines or serving or token or prediction"),
    ]
    done = subprocess.run(
        [str(STATE / "venv-test/bin" / command[0]), *command[1:]],
        cwd=REPOSITORY, text=True, capture_output=True, check=False, timeout=600,
        env={**os.environ, "KUBECONFIG": str(STATE / "kubeconfig")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
