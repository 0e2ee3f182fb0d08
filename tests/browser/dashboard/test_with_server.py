"""The page with its own server, over a Kubernetes API in memory: the lab's steps, and rights."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dashboard_pages import Dashboard, Levers
from selenium import webdriver

from .conftest import Serve, watched

SERVER = "tests.browser.dashboard.serve"
MNIST = "/projects/mnist"


@pytest.fixture
def cluster(serve: Serve) -> Levers:
    """What is in the cluster; as the lab prepares it for this test."""
    moved = Levers(serve(SERVER))
    moved.pull("reset")
    return moved


@pytest.fixture
def lab(
    driver: webdriver.Chrome, serve: Serve, cluster: Levers, reports: Path
) -> Iterator[Dashboard]:
    """The page of a learner who is admin of the project."""
    yield from watched(driver, serve(SERVER), reports)


def stored(cluster: Levers, kind: str) -> dict[str, Any]:
    """Objects of a kind by name."""
    return {found["metadata"]["name"]: found for found in cluster.pull("objects", kind)}


def create_workbench(lab: Dashboard) -> None:
    """As the lab's text says."""
    lab.open("/projects").click("Seat mnist").click("Workbenches").click("Create workbench")
    lab.fill("Name", "My bench").choose("Image selection", "Custom Datascience Notebook")
    lab.choose("Container size", "Small (2 CPU, 4Gi)").tick("Use existing persistent storage")
    lab.choose("Persistent storage", "notebook (20 GiB)").tick("Use a data connection")
    lab.choose("Data connection", "s3-creds").click("Create workbench")
    lab.wait_for_path(f"{MNIST}?section=workbenches").wait_for("My bench")


def test_a_workbench_by_the_labs_text(lab: Dashboard, cluster: Levers) -> None:
    create_workbench(lab)
    notebook = stored(cluster, "Notebook")["my-bench"]
    spec = notebook["spec"]["template"]["spec"]
    assert spec["volumes"][0]["persistentVolumeClaim"] == {"claimName": "notebook"}
    assert spec["containers"][0]["envFrom"] == [{"secretRef": {"name": "aws-connection-s3-creds"}}]
    lab.screenshot("server-workbench")
    lab.click("Stop My bench").click("Stop workbench").wait_for("Stopped")
    assert (
        "kubeflow-resource-stopped"
        in stored(cluster, "Notebook")["my-bench"]["metadata"]["annotations"]
    )
    lab.click("Start My bench").wait_for("Starting")
    lab.choose_action("My bench", "Delete workbench")
    lab.fill("Type My bench to confirm the deletion", "My bench").click("Delete workbench")
    lab.wait_for("Start by creating a workbench")
    assert stored(cluster, "Notebook") == {}
    assert "notebook" in stored(cluster, "PersistentVolumeClaim")


def test_a_workbench_is_edited_as_it_is(lab: Dashboard, cluster: Levers) -> None:
    create_workbench(lab)
    lab.click("Stop My bench").click("Stop workbench").wait_for("Stopped")
    lab.choose_action("My bench", "Edit workbench").wait_for("The resource name is my-bench")
    lab.fill("Description", "for digits").choose("Container size", "Medium (4 CPU, 8Gi)")
    lab.click("Update workbench").wait_for_path(f"{MNIST}?section=workbenches")
    lab.wait_for("for digits")
    container = stored(cluster, "Notebook")["my-bench"]["spec"]["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["memory"] == "8Gi"
    assert container["envFrom"] == [{"secretRef": {"name": "aws-connection-s3-creds"}}]


def test_a_taken_name_is_refused_and_the_form_stays(lab: Dashboard, cluster: Levers) -> None:
    create_workbench(lab)
    lab.open(f"{MNIST}/spawner").fill("Name", "My bench")
    lab.choose("Image selection", "Custom Datascience Notebook").click("Create workbench")
    lab.wait_for("Nothing was made or changed")
    assert lab.field("Name").get_attribute("value") == "My bench"
    assert list(stored(cluster, "PersistentVolumeClaim")) == ["notebook"], "nothing is half-made"


def test_a_model_by_the_labs_text(lab: Dashboard, cluster: Levers) -> None:
    lab.open(f"{MNIST}?section=model-server").click("Configure server")
    lab.tick("Require token authentication").fill("Service account name", "model-mesh")
    lab.click("Configure").wait_until_closed().wait_for("Model Server Name")
    lab.click("Deploy model").fill("Model Name", "mnist")
    lab.choose("Model framework (name - version)", "onnx - 1").choose("Name", "s3-creds")
    lab.fill("Folder path", "onnx/model-v2.onnx").click("Deploy").wait_until_closed()
    lab.wait_for("onnx - 1, s3-creds: onnx/model-v2.onnx")
    lab.screenshot("server-models")
    model = stored(cluster, "InferenceService")["mnist"]["spec"]["predictor"]["model"]
    [runtime] = stored(cluster, "ServingRuntime")
    assert model["runtime"] == runtime
    assert model["storage"]["path"] == "onnx/model-v2.onnx"
    secrets = stored(cluster, "Secret")
    tokens = {
        name: secret
        for name, secret in secrets.items()
        if secret.get("type") == "kubernetes.io/service-account-token"
    }
    [(name, secret)] = tokens.items()
    value = base64.b64encode(b"a-token").decode()
    cluster.pull("add", {**secret, "data": {"token": value}})
    lab.wait(lambda: lab.all("//td[@data-label='Tokens']//button"), "the tokens")[0].click()
    lab.wait_for(f"Secret {name}").click("Show token model-mesh")
    lab.wait(lambda: lab.field("Token model-mesh").get_attribute("value") == "a-token", "the token")


def test_a_connection_that_no_store_answers(lab: Dashboard, cluster: Levers) -> None:
    lab.open(f"{MNIST}?section=data-connections").click("Add data connection")
    lab.fill("Name", "mine").fill("Access key", "key").fill("Secret key", "hidden")
    lab.fill("Endpoint", "http://127.0.0.1:9").fill("Bucket", "rhods")
    lab.click("Add data connection").wait_for("The connection does not work", 30)
    assert "aws-connection-mine" not in stored(cluster, "Secret")
    lab.click("Save all the same").wait_until_closed().wait_for("aws-connection-mine")
    assert "aws-connection-mine" in stored(cluster, "Secret")


def test_storage_is_made_and_grows(lab: Dashboard, cluster: Levers) -> None:
    lab.open(f"{MNIST}?section=cluster-storages").click("Add cluster storage")
    lab.fill("Name", "More data").fill("Persistent storage size", "3").click("Add storage")
    lab.wait_until_closed().wait_for("More data")
    claim = stored(cluster, "PersistentVolumeClaim")["more-data"]
    assert claim["spec"]["resources"]["requests"]["storage"] == "3Gi"
    lab.choose_action("notebook", "Edit storage").fill("Persistent storage size", "19")
    lab.wait_for("from 20 to 16384 GiB; this is 19").fill("Persistent storage size", "30")
    lab.click("Update storage").wait_until_closed().wait_for("30 GiB")


def test_a_contributor_may_not_share(lab: Dashboard, cluster: Levers) -> None:
    lab.open(f"{MNIST}?section=permissions").click("Add user").fill("Name of the user", "grace")
    lab.click("Add the user").wait(
        lambda: any("grace" in str(found) for found in stored(cluster, "RoleBinding").values()),
        "the binding",
    )
    cluster.pull("who", "carl")
    lab.open(f"{MNIST}?section=model-server").wait_for("Configure server")
    assert "Permissions" not in lab.text
    lab.click("Configure server").wait_for("Model route")
    assert not lab.field("Require token authentication").is_enabled()
    lab.screenshot("server-contributor")


def test_a_stranger_sees_nothing_of_it(lab: Dashboard, cluster: Levers) -> None:
    cluster.pull("who", "bob")
    lab.open("/projects").wait_for("Seat other")
    assert "Seat mnist" not in lab.text
    lab.open(f"{MNIST}?section=workbenches").wait_for("You may not see this")


def test_the_api_server_is_lost_and_comes_back(lab: Dashboard, cluster: Levers) -> None:
    lab.open(f"{MNIST}?section=cluster-storages").click("Add cluster storage")
    lab.fill("Name", "patient")
    cluster.pull("away", True)
    lab.click("Add storage").wait_for("The cluster does not answer")
    cluster.pull("away", False)
    lab.wait(lambda: "What you see may be old" not in lab.text, "the banner to go", 30)
    lab.click("Add storage").wait_until_closed().wait_for("patient")


def test_the_session_ends(lab: Dashboard, cluster: Levers) -> None:
    lab.open(f"{MNIST}?section=cluster-storages").click("Add cluster storage")
    lab.fill("Name", "kept").wait_until_pressable("Add storage")
    cluster.pull("who", "")
    lab.click("Add storage").wait(
        lambda: lab.path.startswith("/oauth/login?rd=%2Fprojects%2Fmnist%3Fsection%3D"),
        "the way to the sign-in",
    )
