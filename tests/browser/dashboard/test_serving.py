"""Data connections, model servers, models, tokens, pipelines, permissions, projects."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from dashboard_pages import Dashboard, Levers
from selenium.webdriver.support.ui import Select

CONNECTIONS = "/projects/mnist?section=data-connections"
MODELS = "/projects/mnist?section=model-server"
PIPELINES = "/projects/mnist?section=pipelines-projects"


def body(levers: Levers, index: int = -1) -> dict[str, Any]:
    """What was sent."""
    return ast.literal_eval(levers.writes[index]["body"])


def fill_connection(page: Dashboard, endpoint: str) -> None:
    """The five fields and the name."""
    page.fill("Name", "mine").fill("Access key", "key").fill("Secret key", "hidden")
    page.fill("Endpoint", endpoint).fill("Region", "us-east-1").fill("Bucket", "rhods")


def test_a_connection_is_tried_and_saved_all_the_same(page: Dashboard, levers: Levers) -> None:
    page.open(CONNECTIONS).click("Add data connection")
    fill_connection(page, "ftp://host")
    page.wait_for("begins with http:// or https://")
    page.fill("Endpoint", "http://wrong:9000").click("Add data connection")
    page.wait_for("No server answers at this address.").wait_for("The connection does not work")
    assert levers.writes == []
    page.screenshot("connection-does-not-work")
    page.click("Save all the same").wait_until_closed().wait_for("mine")
    assert body(levers)["endpoint"] == "http://wrong:9000"
    assert body(levers)["secretKey"] == "hidden"


def test_a_connection_that_works_is_saved_at_once(page: Dashboard, levers: Levers) -> None:
    page.open(CONNECTIONS).click("Add data connection")
    fill_connection(page, "http://minio:9000")
    page.click("Try the connection").wait_for("The bucket answers.")
    page.click("Show secret key")
    assert page.field("Secret key").get_attribute("type") == "text"
    page.tick("Third").click("Add data connection").wait_until_closed()
    assert body(levers)["workbenches"] == ["third"]


def test_edit_a_connection(page: Dashboard, levers: Levers) -> None:
    page.open(CONNECTIONS).choose_action("s3-creds", "Edit data connection")
    page.wait(lambda: page.field("Access key").get_attribute("value") == "minio", "its values")
    page.fill("Bucket", "other").click("Update data connection").wait_until_closed()
    assert levers.writes[-1]["method"] == "PUT"
    assert body(levers)["bucket"] == "other"


def test_configure_server_as_the_lab_text_says(page: Dashboard, levers: Levers) -> None:
    page.open(MODELS).click("Configure server").wait_for("Configure model server")
    page.fill("Model server name", "")
    page.tick("Require token authentication")
    assert page.field("Service account name").get_attribute("value") == "default-name"
    page.fill("Service account name", "model-mesh")
    page.click("Add a service account")
    page.all("//input[@id='token-1']")[0].send_keys("Model Mesh")
    page.wait_for("“Model Mesh” is there already.")
    assert not page.can_press("Configure")
    page.click("Remove service account Model Mesh").wait_until_pressable("Configure")
    page.screenshot("configure-server-filled")
    page.click("Configure").wait_until_closed()
    assert body(levers) == {
        "template": "ovms",
        "replicas": 1,
        "size": "Small",
        "route": False,
        "auth": True,
        "tokens": ["model-mesh"],
    }


def test_a_route_ticks_the_tokens(page: Dashboard) -> None:
    page.open(MODELS).click("Configure server")
    page.tick("Make deployed models available through an external route")
    assert page.field("Require token authentication").is_selected()
    page.tick("Require token authentication").wait_for("can use the models without a token")


def test_deploy_model_as_the_lab_text_says(page: Dashboard, levers: Levers) -> None:
    page.open(MODELS).click("Deploy model").fill("Model Name", "mnist-2")
    page.choose("Model framework (name - version)", "onnx - 1").choose("Name", "s3-creds")
    page.fill("Folder path", "a//b").fill("Model Name", "mnist-3").wait_for("no two slashes")
    page.click("Browse").click("onnx").wait_for("4.6 MiB")
    page.screenshot("deploy-model-browse")
    page.click("model-v2.onnx")
    assert page.field("Folder path").get_attribute("value") == "onnx/model-v2.onnx"
    page.click("Deploy").wait_until_closed().wait_for("In Progress")
    assert body(levers) == {
        "displayName": "mnist-3",
        "name": None,
        "format": {"name": "onnx", "version": "1"},
        "connection": {"mode": "existing", "name": "aws-connection-s3-creds"},
        "path": "onnx/model-v2.onnx",
        "server": "model-server",
    }


def test_tokens_are_hidden_until_asked(page: Dashboard) -> None:
    page.open(MODELS).wait_for("Deployed models")
    toggle = "//td[@data-label='Tokens']//button"
    page.wait(lambda: page.all(toggle), "the count of tokens")[0].click()
    page.wait_for("Token secret")
    assert "token-of-model-mesh" not in page.driver.page_source
    page.click("Show token model-mesh")
    page.wait(
        lambda: page.field("Token model-mesh").get_attribute("value") == "token-of-model-mesh",
        "the token",
    )
    page.screenshot("token")
    page.tell(
        "Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"]
    )
    page.click("Hide token model-mesh").click("Copy token model-mesh")
    page.wait_for("The token model-mesh is copied")
    assert "token-of" not in str(page.field("Token model-mesh").get_attribute("value"))


def test_endpoints_are_in_a_popover(page: Dashboard, levers: Levers) -> None:
    page.open(MODELS).click("Internal endpoint details of mnist").wait_for("Inference endpoints")
    values = [each.get_attribute("value") for each in page.all("//input[@readonly]")]
    assert "https://modelmesh-serving.mnist:8443" in values
    page.screenshot("endpoints")
    failure = "The bucket has no onnx/model-v2.onnx."
    status = {"state": "FailedToLoad", "word": "Failed", "message": failure, "cause": None}
    where = {"project": "mnist", "section": "models", "name": "mnist"}
    levers.pull("merge", where | {"change": {"status": status}})
    page.open(MODELS).click("Failed, status of mnist").wait_for(failure)


def test_choose_a_platform(page: Dashboard, levers: Levers) -> None:
    page.open("/projects/fresh?section=model-server")
    page.click("Select Multi-model serving platform").wait_for("Start by adding a model server")
    assert page.can_press("Configure server")
    assert body(levers) == {"platform": "multi"}


def test_configure_a_pipeline_server(page: Dashboard, levers: Levers) -> None:
    levers.pull("project", {"project": "mnist", "change": {"server": None}})
    page.open(PIPELINES).click("Configure pipeline server")
    page.choose("Fill from a data connection", "s3-creds")
    page.wait(lambda: page.field("Bucket").get_attribute("value") == "rhods", "its fields")
    page.wait_until_pressable("Configure pipeline server")
    page.click("Show advanced database options").tick("Connect to external MySQL database")
    assert not page.can_press("Configure pipeline server")
    page.tick("Use default database stored on your cluster").click("Configure pipeline server")
    page.wait_until_closed().wait_for("The pipeline server is starting")
    assert body(levers)["database"] is None
    assert body(levers)["connection"]["accessKey"] == "minio"


def test_import_run_and_schedule(page: Dashboard, levers: Levers, tmp_path: Path) -> None:
    page.open(PIPELINES).wait_for("Succeeded")
    count = "//td[@data-label='Total versions']"
    page.wait(lambda: page.all(count)[0].text == "1", "the count of versions")
    page.click("Import pipeline").fill("Pipeline name", "mnist")
    page.fill("Pipeline description", "x").wait_for("“mnist” is there already")
    file = tmp_path / "second.yaml"
    file.write_text("apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n")
    page.all("//input[@type='file']")[-1].send_keys(str(file))
    page.wait_for("is an Argo Workflow")
    file.write_text("pipelineInfo: {name: second}\n")
    page.all("//input[@type='file']")[-1].send_keys(str(file))
    page.fill("Pipeline name", "second").wait_until_pressable("Import pipeline")
    page.click("Import pipeline").wait_until_closed().wait_for("second")
    page.choose_action("mnist", "Create run").fill("Name", "my run").fill("epochs", "many")
    page.wait_for("Enter a whole number; this is “many”.").fill("epochs", "3")
    page.fill("layers", "{").wait_for("This is no JSON").fill("layers", "[8]")
    page.click("Create run").wait_until_closed().wait_for("my run is started")
    assert body(levers)["parameters"] == {"epochs": 3, "layers": [8], "title": ""}
    page.choose_action("mnist", "Create schedule").fill("Name", "nightly").tick("Cron")
    page.fill("Cron expression", "0 0 * * *").fill("Name", "nightly").wait_for("this has 5")
    page.fill("Cron expression", "0 0 2 * * *").click("Create schedule").wait_until_closed()
    assert body(levers)["trigger"] == {"kind": "cron", "cron": "0 0 2 * * *"}


def test_permissions(page: Dashboard, levers: Levers) -> None:
    page.open("/projects/mnist?section=permissions").click("Add user")
    page.fill("Name of the user", "ada").wait_for("ada was added already.")
    page.fill("Name of the user", "grace").choose("Permission of the new user", "Admin")
    page.click("Add the user").wait_for("grace")
    assert body(levers) == {"kind": "User", "subject": "grace", "role": "admin"}
    page.choose("Permission of ada", "Admin")
    page.wait(lambda: body(levers) == {"role": "admin"}, "the change")
    page.choose_action("grace", "Remove")
    page.wait(lambda: levers.writes[-1]["method"] == "DELETE", "the removal")


def test_projects(page: Dashboard, levers: Levers) -> None:
    page.open("/projects").fill("Filter by name", "FRESH")
    page.wait(lambda: "Shared with me" not in page.text, "the filter")
    page.fill("Filter by name", "nothing like it").wait_for("No projects match")
    page.click("Clear the filter").click("User").fill("Filter by user", "learner")
    page.wait_for("Shared with me").click("Create project").fill("Name", "A new one")
    page.wait_for("a-new-one").click("Create").wait_for_path("/projects/a-new-one")
    page.driver.back()
    page.wait_for_path("/projects")
    assert not page.window
    page.choose_action("A new one", "Edit project").fill("Name", "Renamed").click("Update")
    page.wait_until_closed().wait_for("Renamed").choose_action("Renamed", "Delete project")
    page.fill("Type Renamed to confirm the deletion", "Renamed").click("Delete project")
    page.wait_until_closed()
    page.wait(lambda: "Renamed" not in page.all("//table")[0].text, "it to go")
    assert [write["method"] for write in levers.writes] == ["POST", "PUT", "DELETE"]


@pytest.mark.parametrize("word", ["Data connections", "Create workbench", "Configure server",
                                  "Service account name", "Folder path"])  # fmt: skip
def test_help_names_the_lab_texts_words(page: Dashboard, word: str) -> None:
    page.open("/projects").click("Help: which word newer versions use").wait_for("In version 3")
    assert word in page.text


def test_a_models_form_on_a_global_page(page: Dashboard, levers: Levers) -> None:
    page.open("/modelServing").choose("Project", "mnist").wait_for_path("/modelServing/mnist")
    page.choose_action("model-server", "Edit model server")
    page.wait(lambda: page.field("Service account name").get_attribute("value"), "the form")
    shown = Select(page.field("Serving runtime")).first_selected_option.text
    assert shown == "OpenVINO Model Server"
    page.click("Update").wait_until_closed().wait_for_path("/modelServing/mnist")
    assert levers.writes[-1]["path"] == "/mnist/servers/model-server"
