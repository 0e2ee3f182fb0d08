"""Every page and window: rules of accessibility, dark theme, 390 pixels, a picture of each."""

from __future__ import annotations

import pytest
from dashboard_pages import Dashboard, Levers

from .looks import Rules, look

MNIST = "/projects/mnist?section="
# Name, address, and what says that the page is there.
PAGES = [
    ("projects", "/projects", "Shared with me"),
    ("create-project", "/projects?form=create-project", "Create"),
    ("edit-project", "/projects?form=edit-project&about=mnist", "Update"),
    ("delete-project", "/projects?form=delete-project&about=mnist", "to confirm the deletion"),
    ("overview", f"{MNIST}overview", "Train models"),
    ("workbenches", f"{MNIST}workbenches", "Second one"),
    ("workbenches-empty", "/projects/fresh?section=workbenches", "Start by creating a workbench"),
    ("workbench-status", f"{MNIST}workbenches&form=workbench-status&about=second", "Event log"),
    ("create-workbench", "/projects/mnist/spawner", "Use a data connection"),
    ("edit-workbench", "/projects/mnist/spawner/notebook", "will restart"),
    ("pipelines", f"{MNIST}pipelines-projects", "Succeeded"),
    ("pipelines-none", "/projects/fresh?section=pipelines-projects", "Enable pipelines"),
    (
        "pipeline-server",
        "/projects/fresh?section=pipelines-projects&form=pipeline-server",
        "Show advanced database options",
    ),
    ("import-pipeline", f"{MNIST}pipelines-projects&form=import-pipeline", "Import by url"),
    ("run", f"{MNIST}pipelines-projects&form=run&about=p1", "epochs"),
    ("schedule", f"{MNIST}pipelines-projects&form=schedule&about=p1", "Catch up"),
    ("models", f"{MNIST}model-server", "onnx - 1"),
    ("platforms", "/projects/fresh?section=model-server", "Multi-model serving platform"),
    ("configure-server", f"{MNIST}model-server&form=server", "Model route"),
    ("deploy-model", f"{MNIST}model-server&form=model&about=model-server", "Folder path"),
    ("storage", f"{MNIST}cluster-storages", "ml-pipeline"),
    ("add-storage", f"{MNIST}cluster-storages&form=storage", "Connect a workbench"),
    ("connections", f"{MNIST}data-connections", "Object storage"),
    ("add-connection", f"{MNIST}data-connections&form=connection", "Try the connection"),
    ("permissions", f"{MNIST}permissions", "Contributor"),
    ("contributor", "/projects/shared?section=workbenches", "Start by creating a workbench"),
    ("model-serving", "/modelServing", "No deployed models"),
    ("model-serving-project", "/modelServing/mnist", "onnx - 1"),
    ("global-pipelines", "/pipelines/mnist", "Succeeded"),
    ("help", "/help", "Configure server"),
    ("no-project", "/projects/nowhere", "Not found"),
]
INSTRUCTORS = [
    ("notebook-images", "/notebookImages", "Recommended"),
    ("cluster-settings", "/clusterSettings", "Container sizes"),
    ("serving-runtimes", "/servingRuntimes", "onnx - 1"),
]


@pytest.mark.parametrize(("name", "path", "sign"), PAGES, ids=[name for name, _, _ in PAGES])
def test_a_page(page: Dashboard, broken_rules: Rules, name: str, path: str, sign: str) -> None:
    page.open(path).wait_for(sign)
    assert look(page, name, broken_rules) == []


@pytest.mark.parametrize(("name", "path", "sign"), INSTRUCTORS)
def test_a_page_of_instructors(
    page: Dashboard,
    levers: Levers,
    broken_rules: Rules,
    name: str,
    path: str,
    sign: str,
) -> None:
    page.open(path).wait_for("Access permissions needed")
    levers.pull("session", {"instructor": True})
    page.open(path).wait_for(sign)
    assert look(page, name, broken_rules) == []


def test_no_project_at_all(page: Dashboard, levers: Levers, broken_rules: Rules) -> None:
    levers.pull("empty")
    page.open("/projects").wait_for("Start by creating your project")
    assert look(page, "projects-none", broken_rules) == []
    levers.pull("session", {"canCreateProject": False})
    page.open("/projects").wait_for("Start by requesting a project")
    assert not page.can_press("Create project")


def test_a_theme_is_kept(page: Dashboard) -> None:
    page.open("/projects").click("Use the dark theme")
    page.open("/help")
    dark = "return document.documentElement.classList.contains('pf-v6-theme-dark')"
    assert page.driver.execute_script(dark)
    page.click("Use the light theme")
    assert not page.driver.execute_script(dark)
