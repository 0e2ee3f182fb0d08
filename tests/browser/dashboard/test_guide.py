"""The guide beside the work: the seat's own names, copy on commands, and *Check my work*."""

from __future__ import annotations

import pytest
from dashboard_pages import PHONE, Dashboard, Levers

from .looks import Rules, look

PROJECT = "/projects/mnist?section=workbenches"
STOPPED = "The workbench notebook is stopped."


@pytest.fixture
def guide(page: Dashboard) -> Dashboard:
    """A project's page with the guide open beside it."""
    page.open(PROJECT).wait_for("Second one")
    return page.click("Open the guide").wait_for("Your project and its addresses")


def begin(page: Dashboard) -> Dashboard:
    """Go to the first part."""
    return page.click("Start").wait_for("Open the workbench 1 of 6").wait_for("Check my work")


def test_the_guide_is_about_this_seat(guide: Dashboard) -> None:
    assert "notebook-mnist.apps.mnist-lab.localhost" in guide.text
    assert "Page to draw on: not there yet" in guide.text
    begin(guide)
    assert "oc -n mnist get notebook,statefulset,pod" in guide.text
    assert "%" not in guide.text
    # Beside the work, not over it: both can be used.
    assert "Create workbench" in guide.text
    guide.click("Create workbench").wait_for_path("/projects/mnist/spawner")
    guide.wait_for("Check my work")


def test_another_project_has_other_names(page: Dashboard) -> None:
    page.open("/projects/fresh?section=workbenches").click("Open the guide")
    begin(page.wait_for("Your project and its addresses"))
    assert "oc -n fresh get notebook,statefulset,pod" in page.text


def test_commands_can_be_copied(guide: Dashboard) -> None:
    begin(guide)
    origin = guide.address
    guide.tell("Browser.grantPermissions", origin=origin, permissions=["clipboardReadWrite",
               "clipboardSanitizedWrite"])  # fmt: skip
    guide.driver.execute_script(
        "document.querySelector('button[aria-label=\"Copy to clipboard\"]').click()"
    )
    guide.wait_for("Successfully copied to clipboard!")
    copied = guide.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert copied == "oc -n mnist create token notebook --duration=1h"


def test_check_my_work(guide: Dashboard, levers: Levers) -> None:
    begin(guide)
    levers.pull("cause", STOPPED)
    guide.click("Check my work").wait_for("1 of 2 things are not there yet")
    assert STOPPED in guide.text
    assert "Start it on the tab Workbenches." in guide.text
    assert "Not looked at: that JupyterLab opens" in guide.text
    guide.wait_for("Try the steps again.")
    levers.pull("cause", None)
    guide.click("Check my work").wait_for("All of this part is done")
    assert "Try the steps again." not in guide.text


def test_the_guide_stays_where_it_was(guide: Dashboard) -> None:
    begin(guide).click("Next").wait_for("Read and run the notebooks 2 of 6")
    guide.open(PROJECT).wait_for("Read and run the notebooks 2 of 6")
    guide.click("Close the guide")
    guide.wait(lambda: "Read and run the notebooks" not in guide.text, "the guide to be gone")
    guide.open(PROJECT).wait_for("Second one")
    assert "Read and run the notebooks" not in guide.text


def test_how_the_guide_looks(guide: Dashboard, levers: Levers, broken_rules: Rules) -> None:
    levers.pull("cause", STOPPED)
    begin(guide).click("Check my work").wait_for("1 of 2 things")
    wrong = look(guide, "guide", broken_rules)
    assert wrong == [], "\n".join(wrong)


def test_the_guide_on_a_phone(guide: Dashboard) -> None:
    begin(guide).resize(PHONE)
    guide.wait_until_still()
    assert guide.fits()
