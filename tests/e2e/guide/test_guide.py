"""A learner's way through the lab in a browser, and the pictures that docs/lab shows of it.

Not read-only: it clones the lab's repository into the workbench. The pictures go to the report's
directory, or where LAB_GUIDE_IMAGES says: `LAB_GUIDE_IMAGES=docs/lab/images ./lab test guide` takes
all of them anew. The last test compares those that docs/lab shows with the pages as they are now.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import documents
import numpy as np
import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_driver.kernel import run_cell
from lab_driver.pages.login import LoginPage, forget_sign_ins, sign_in
from lab_driver.pages.notebook import NotebookPage
from lab_driver.pages.pipeline_editor import PipelineEditorPage
from lab_driver.pages.runs import RunsPage
from lab_driver.pages.webapp import DrawingPage
from lab_driver.pages.workbench import WorkbenchPage
from lab_driver.pictures import TOLERATED, differing
from lab_driver.strokes import smooth, strokes_of

REPOSITORY = Path(__file__).resolve().parents[3]
TAKEN = REPOSITORY / os.environ.get("LAB_GUIDE_IMAGES", ".lab/reports/guide")
CLONE_URL = "http://model-repository.lab-platform.svc.cluster.local/rhods-mnist-model.git"


@pytest.fixture(scope="module", autouse=True)
def began() -> float:
    """When this run began: an older picture is no sign of what a page looks like now."""
    return time.time()


@pytest.fixture(scope="module")
def token(cluster: ClusterReader, namespace: str) -> str:
    return cluster.token(namespace, "notebook", seconds=3600)


@pytest.fixture
def picture(browser: WebDriver) -> Callable[[str], None]:
    TAKEN.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        assert browser.save_screenshot(str(TAKEN / f"{name}.png"))

    return take


@pytest.fixture(scope="module")
def clone(access: Access, token: str, verify: str | bool) -> None:
    """The lab's repository in the workbench, cloned if it is not there yet."""
    printed = run_cell(
        access.get("workbench.url"), token, verify,
        "import pathlib, subprocess\n"
        "home = pathlib.Path('/opt/app-root/src')\n"
        "if not (home / 'rhods-mnist-model').exists():\n"
        f"    subprocess.run(['git', 'clone', '-q', '{CLONE_URL}'], cwd=home, check=True)\n"
        "print(sorted(p.name for p in (home / 'rhods-mnist-model/notebooks').iterdir()))",
    )  # fmt: skip
    assert printed.strip() == "['completed', 'todo']"


def test_the_login_and_the_workbench(
    browser: WebDriver, access: Access, token: str, picture: Callable[[str], None]
) -> None:
    # A workspace of its own: the default one opens what was open before.
    page = WorkbenchPage(browser, access.get("workbench.url") + "lab/workspaces/guide")
    forget_sign_ins(browser)
    page.load()
    login = LoginPage(browser, page.url).wait_until_there()
    picture("login")
    login.log_in(token)
    page.wait_until_there()
    assert any("Pipeline Editor" in title for title in page.launchers)
    picture("workbench")


def test_a_notebook_and_the_pipeline(
    clone: None, browser: WebDriver, access: Access, token: str, picture: Callable[[str], None]
) -> None:
    root = access.get("workbench.url").rstrip("/") + "/lab/tree/rhods-mnist-model/notebooks"
    notebook = NotebookPage(browser, f"{root}/completed/Train.ipynb")
    sign_in(browser, notebook, token)
    picture("notebook")
    editor = PipelineEditorPage(browser, f"{root}/todo/mnist.pipeline")
    sign_in(browser, editor, token)
    picture("pipeline-editor")


def test_the_run(
    browser: WebDriver, access: Access, token: str, picture: Callable[[str], None]
) -> None:
    runs = RunsPage(browser, access.get("pipelines.url"))
    sign_in(browser, runs, token)
    picture("runs")
    run = runs.open_newest()
    assert run.steps >= 4
    run.open_step(1)
    picture("run")
    run.open_output()
    picture("run-output")


def test_the_drawing(
    browser: WebDriver, access: Access, test_digits: tuple[np.ndarray, np.ndarray],
    picture: Callable[[str], None],
) -> None:  # fmt: skip
    images, labels = test_digits
    three = images[np.flatnonzero(labels == 3)[0]]
    page = DrawingPage(browser, access.get("webapp.url")).open()
    page.clear().draw(smooth(strokes_of(three))).predict()
    picture("page")
    assert page.answer == 3


@pytest.mark.parametrize("name", sorted(documents.pictures_shown()))
def test_the_guides_picture_shows_the_page_as_it_is(name: str, began: float) -> None:
    kept, taken = documents.PICTURES / f"{name}.png", TAKEN / f"{name}.png"
    assert taken.exists(), f"no test took the picture {name}"
    assert taken.stat().st_mtime >= began, f"the picture {name} was not taken in this run"
    share = differing(kept, taken)
    assert share <= TOLERATED, (
        f"{kept.relative_to(REPOSITORY)} no longer shows the page, of which {share:.0%} look "
        f"otherwise now, in {taken}: LAB_GUIDE_IMAGES=docs/lab/images ./lab test guide takes "
        "the pictures anew"
    )
