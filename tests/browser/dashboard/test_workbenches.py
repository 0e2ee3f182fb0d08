"""Workbenches by the lab's text: create, follow, open, stop, edit, delete; storage."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from dashboard_pages import Dashboard, Levers
from selenium.webdriver.support.ui import Select

SPAWNER = "/projects/mnist/spawner"
WORKBENCHES = "/projects/mnist?section=workbenches"


def body(levers: Levers, index: int = -1) -> dict[str, Any]:
    """What was sent."""
    return ast.literal_eval(levers.writes[index]["body"])


def test_create_as_the_lab_text_says(page: Dashboard, levers: Levers) -> None:
    page.open("/projects").click("mnist").wait_for("Train models")
    page.click("Workbenches").wait_for("Second one").click("Create workbench")
    page.wait_for_path(SPAWNER)
    page.fill("Name", "My Notebook").wait_for("my-notebook")
    page.choose("Image selection", "Custom Datascience Notebook")
    assert Select(page.field("Version selection")).first_selected_option.text == "1.0 (Recommended)"
    versions = [option.text for option in Select(page.field("Version selection")).options]
    assert versions == ["1.1", "1.0 (Recommended)"], "a version without an image is not offered"
    page.wait_for("Limits: 2 CPU, 8Gi memory. Requests: 1 CPU, 8Gi memory.")
    page.tick("Use existing persistent storage")
    assert not page.can_press("Create workbench")
    page.choose("Persistent storage", "notebook (5 GiB), used by notebook")
    page.tick("Use a data connection").choose("Data connection", "s3-creds")
    page.screenshot("create-workbench-filled")
    page.click("Create workbench").wait_for_path(WORKBENCHES)
    page.wait_for("My Notebook")
    assert len(levers.writes) == 1
    assert body(levers) == {
        "displayName": "My Notebook",
        "name": None,
        "description": "",
        "image": {"stream": "plain", "tag": "1.0"},
        "size": "Small",
        "accelerator": None,
        "variables": [],
        "storage": {"mode": "existing", "name": "notebook"},
        "connection": {"mode": "existing", "name": "aws-connection-s3-creds"},
    }
    page.driver.back()
    page.wait_for_path(WORKBENCHES)


def test_names_are_refused_in_place(page: Dashboard, levers: Levers) -> None:
    page.open(SPAWNER).fill("Name", "2024").wait_for("wb-2024")
    page.click("Edit resource name").fill("Resource name", "Not a name")
    page.fill("Description", "x").wait_for("“Not a name” is no resource name")
    page.fill("Resource name", "x" * 31).wait_for("31 characters; it may have at most 30")
    page.fill("Name", " ").fill("Description", "y").wait_for("Enter a name.")
    assert not page.can_press("Create workbench")
    assert levers.writes == []


def test_variables_by_hand_and_by_file(page: Dashboard, levers: Levers, tmp_path: Path) -> None:
    page.open(SPAWNER).fill("Name", "vars").choose("Image selection", "Custom Datascience Notebook")
    page.click("Add variable").choose("Variable type", "Secret")
    page.fill("Key", "1st").fill("Value", "hidden").wait_for("“1st” is no variable's name")
    page.fill("Key", "FIRST").wait_until_pressable("Create workbench")
    assert page.field("Value").get_attribute("type") == "password"
    page.click("Add variable")
    file = tmp_path / "values.yaml"
    file.write_text("kind: Secret\ndata: {}\n")
    upload = page.all("//input[@type='file']")[-1]
    upload.send_keys(str(file))
    page.wait_for("The file holds a Secret; a ConfigMap is wanted.")
    file.write_text("kind: ConfigMap\ndata: {SECOND: two}\n")
    page.all("//input[@type='file']")[-1].send_keys(str(file))
    key = "//input[@id='variables.1.0.key']"
    page.wait(lambda: page.all(key)[0].get_attribute("value") == "SECOND", "the file's key")
    page.click("Create workbench").wait_for_path(WORKBENCHES)
    assert body(levers)["variables"] == [
        {"kind": "secret", "values": {"FIRST": "hidden"}},
        {"kind": "configmap", "values": {"SECOND": "two"}},
    ]


def test_status_moves_by_itself(page: Dashboard, levers: Levers) -> None:
    page.open(WORKBENCHES).wait_for("Second one")
    assert not page.can_press("Open Second one")
    page.click("Starting, status of Second one").wait_for("Pulling notebook image")
    page.screenshot("workbench-popover")
    page.click("Event log").wait_for("Starting workbench").wait_for("[Normal] Pod assigned")
    page.driver.execute_script("window.mark = 'here'")
    cause = "The image notebook:1.0 cannot be pulled: there is no such tag."
    failed = {"word": "Failed", "percent": 40, "message": "ImagePullBackOff", "cause": cause}
    change = {"status": failed | {"steps": [], "events": []}}
    where = {"project": "mnist", "section": "workbenches", "name": "second"}
    levers.pull("merge", where | {"change": change})
    page.wait_for(cause, 3)
    page.screenshot("workbench-failed")
    running = {"word": "Running", "percent": 100, "message": None, "cause": None}
    levers.pull("merge", where | {"change": {"status": running | {"steps": [], "events": []}}})
    page.wait_for("Workbench is running", 3).click("Close").wait_until_closed()
    assert page.can_press("Open Second one")
    assert page.driver.execute_script("return window.mark") == "here", (
        "the page was not loaded anew"
    )


def test_start_and_stop(page: Dashboard, levers: Levers) -> None:
    page.open(WORKBENCHES).click("Start Third")
    page.wait(lambda: levers.writes, "the start")
    assert levers.writes[-1]["path"] == "/mnist/workbenches/third/start"
    page.click("Stop notebook").wait_for("Stop workbench?")
    page.tick("Don't show again").click("Stop workbench").wait_until_closed()
    page.wait(lambda: len(levers.writes) == 2, "the stop")
    page.click("Stop Second one")
    page.wait(lambda: len(levers.writes) == 3, "a stop without a question")
    assert [write["path"].rsplit("/", 1)[1] for write in levers.writes] == ["start", "stop", "stop"]


def test_edit_and_conflict(page: Dashboard, levers: Levers) -> None:
    page.open(WORKBENCHES).choose_action("notebook", "Edit workbench")
    page.wait_for("Edit notebook").wait_for("notebook will restart")
    page.fill("Description", "Mine")
    told = "Somebody else changed it meanwhile: load it again."
    levers.pull("fail", {"status": 409, "reason": "Conflict", "message": told})
    page.click("Update workbench").wait_for(told)
    assert page.field("Description").get_attribute("value") == "Mine"
    levers.pull("fail", None)
    where = {"project": "mnist", "section": "workbenches", "name": "notebook"}
    levers.pull("merge", where | {"change": {"resourceVersion": "8"}})
    page.click("Refresh")
    page.wait(lambda: page.field("Description").get_attribute("value") == "", "it to be as it is")
    page.fill("Description", "Mine again").click("Update workbench").wait_for_path(WORKBENCHES)
    assert body(levers)["resourceVersion"] == "8"
    assert body(levers)["description"] == "Mine again"


def test_delete_needs_the_name(page: Dashboard, levers: Levers) -> None:
    page.open(WORKBENCHES).choose_action("Third", "Delete workbench")
    page.wait_for("Delete workbench?")
    assert not page.can_press("Delete workbench")
    page.fill("Type Third to confirm the deletion", "third")
    assert not page.can_press("Delete workbench")
    page.fill("Type Third to confirm the deletion", "Third").click("Delete workbench")
    page.wait_until_closed().wait_for("Third is deleted")
    page.wait(lambda: not page.all("//td[normalize-space()='Third']"), "the row to go")
    assert levers.writes == [{"method": "DELETE", "path": "/mnist/workbenches/third", "body": "{}"}]


def test_storage_is_added_and_connected(page: Dashboard, levers: Levers) -> None:
    page.open("/projects/mnist?section=cluster-storages").click("Add cluster storage")
    page.fill("Name", "More data").wait_for("more-data")
    page.click("Connect a workbench").choose("Connected workbench", "notebook")
    page.fill("Mount folder name", "Data").fill("Description", "d").wait_for(
        "no folder's name here"
    )
    page.fill("Mount folder name", "data/").wait_for("notebook runs and will restart")
    page.fill("Persistent storage size", "0").wait_for("from 1 to 16384 GiB; this is 0")
    page.fill("Persistent storage size", "3").click("Add storage").wait_until_closed()
    page.wait_for("More data")
    assert body(levers) == {
        "displayName": "More data",
        "name": None,
        "description": "d",
        "sizeGiB": 3,
        "storageClass": None,
        "workbenches": [{"name": "notebook", "folder": "data"}],
    }


def test_a_root_volume_cannot_be_deleted_and_a_class_cannot_grow(page: Dashboard) -> None:
    page.open("/projects/mnist?section=cluster-storages").choose_action("notebook", "Edit storage")
    page.wait_for("The storage class local-path cannot make a volume larger.")
    assert not page.field("Persistent storage size").is_enabled()
    page.click("Cancel").wait_until_closed()
    page.all("//button[@aria-label='Kebab toggle']")[0].click()
    page.wait_for("Edit storage")
    assert "Delete storage" not in page.text
