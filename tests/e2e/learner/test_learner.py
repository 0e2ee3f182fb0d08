"""A learner's way in a browser, from an empty workbench to a trained model.

Takes the lab's seat back to its workbench and trains on all of MNIST twice, in the notebook and in
the pipeline that the learner completes: a nightly suite. `test_serving` goes on from there. The
pictures are in the report's directory, in the order of the way.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from platform_cluster import wait_for
from selenium.webdriver.remote.webdriver import WebDriver

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_driver.pages.login import sign_in
from lab_driver.pages.notebook import NotebookPage
from lab_driver.pages.pipeline_editor import PipelineEditorPage
from lab_driver.pages.runs import RunsPage
from lab_driver.pages.workbench import WorkbenchPage

REPOSITORY = Path(__file__).resolve().parents[3]
CLONE_URL = "http://model-repository.lab-platform.svc.cluster.local/rhods-mnist-model.git"
TODO = "rhods-mnist-model/notebooks/todo"
NOTEBOOKS = ("Pre-process", "Train", "Evaluate", "Review")
# Training on two cores takes about three minutes; twice that on a machine that does more.
RUN_SECONDS = 900
READ = """
const [url, done] = arguments;
fetch(url).then(answer => answer.ok ? answer.json() : null).then(done, () => done(null));
"""


def lab(*arguments: str) -> None:
    """Run the launcher; fail with what it said last."""
    done = subprocess.run(
        ["./lab", *arguments], cwd=REPOSITORY, text=True, capture_output=True, timeout=900,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="module", autouse=True)
def empty_workbench() -> None:
    """The state in which a learner finds the lab: the files of whoever was there are gone."""
    lab("reset")
    lab("reset", "--to", "workbench")


@pytest.fixture(scope="module")
def token(cluster: ClusterReader, namespace: str) -> str:
    return cluster.token(namespace, "notebook", seconds=7200)


@pytest.fixture
def picture(browser: WebDriver) -> Callable[[str], None]:
    directory = REPOSITORY / ".lab/reports/learner"
    directory.mkdir(parents=True, exist_ok=True)

    def take(name: str) -> None:
        assert browser.save_screenshot(str(directory / f"{name}.png"))

    return take


@pytest.fixture(scope="module")
def read(browser: WebDriver, access: Access) -> Callable[[str], Any]:
    """Reads a file of the workbench as its own page would: None where it is not there."""

    def ask(path: str) -> Any:
        url = f"{access.get('workbench.url').rstrip('/')}/api/contents/{path}"
        return browser.execute_async_script(READ, url)

    return ask


def tree(access: Access, path: str) -> str:
    return f"{access.get('workbench.url').rstrip('/')}/lab/tree/{path}"


def test_1_clone_in_a_terminal(
    browser: WebDriver, access: Access, token: str, read: Callable[[str], Any],
    picture: Callable[[str], None],
) -> None:  # fmt: skip
    """The learner signs in, opens a terminal and clones the lab's repository."""
    workbench = WorkbenchPage(browser, access.get("workbench.url"))
    sign_in(browser, workbench, token)
    assert read(TODO) is None, "the workbench is not empty"
    workbench.open_terminal()
    workbench.type_command(f"git clone {CLONE_URL}")
    workbench.wait(lambda: read(f"{TODO}/mnist.pipeline"), "the clone to be there")
    picture("1-clone")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_2_run_a_notebook(
    browser: WebDriver, access: Access, token: str, name: str, read: Callable[[str], Any],
    picture: Callable[[str], None],
) -> None:  # fmt: skip
    """Each notebook runs from top to bottom, by the menu."""
    page = NotebookPage(browser, tree(access, f"{TODO}/{name}.ipynb"))
    sign_in(browser, page, token)
    page.run_all(timeout=RUN_SECONDS)
    picture(f"2-{NOTEBOOKS.index(name) + 1}-{name.lower()}")
    cells = [c for c in read(f"{TODO}/{name}.ipynb")["content"]["cells"] if c["source"].strip()]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code, "the notebook has no code"
    assert all(cell["execution_count"] for cell in code), "not every cell was run"
    outputs = [output for cell in code for output in cell["outputs"]]
    assert [o["evalue"] for o in outputs if o["output_type"] == "error"] == []


@pytest.fixture(scope="module")
def submitted() -> dict[str, float]:
    return {}


def test_3_complete_and_submit_the_pipeline(
    browser: WebDriver, access: Access, token: str, read: Callable[[str], Any],
    picture: Callable[[str], None], submitted: dict[str, float],
) -> None:  # fmt: skip
    """Review is added to the canvas, connected and given the volume; then the pipeline is run."""
    editor = PipelineEditorPage(browser, tree(access, f"{TODO}/mnist.pipeline"))
    sign_in(browser, editor, token)
    editor.add_file("Review.ipynb").move("Review.ipynb", right=300, down=320)
    for source in ("Pre-process.ipynb", "Train.ipynb"):
        editor.connect(source, "Review.ipynb")
    picture("3-1-connected")
    editor.mount("Review.ipynb", "/tmp/ml-pipeline", "ml-pipeline").save()
    picture("3-2-volume")
    submitted["at"] = time.time()
    told = editor.submit("Kubeflow Pipelines")
    picture("3-3-submitted")
    assert "Run Details" in told, told


def test_4_follow_the_run(
    browser: WebDriver, access: Access, token: str, pipelines: requests.Session,
    picture: Callable[[str], None], submitted: dict[str, float],
) -> None:  # fmt: skip
    """The run is in the list, its graph lives, and its four steps succeed."""
    page = RunsPage(browser, access.get("pipelines.url"))
    sign_in(browser, page, token)
    run = page.open_newest()
    assert run.steps == 4
    run.open_step(1)
    picture("4-1-running")
    answer = pipelines.get(
        f"{access.get('pipelines.url')}/apis/v2beta1/runs",
        params={"page_size": 1, "sort_by": "created_at desc"}, timeout=30,
    )  # fmt: skip
    (newest,) = answer.json()["runs"]
    assert newest["display_name"].startswith("mnist")
    url = f"{access.get('pipelines.url')}/apis/v2beta1/runs/{newest['run_id']}"

    def ended() -> str | None:
        state = str(pipelines.get(url, timeout=30).json()["state"])
        return None if state in ("PENDING", "RUNNING") else state

    left = submitted["at"] + RUN_SECONDS - time.time()
    assert wait_for(ended, left, "the run's end", 2) == "SUCCEEDED"
    run.open().open_output()
    picture("4-2-output")
