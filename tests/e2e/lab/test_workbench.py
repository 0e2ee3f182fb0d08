"""The workbench: JupyterLab behind the login, a cell that runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
from selenium.webdriver.remote.webdriver import WebDriver

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_driver.kernel import run_cell
from lab_driver.pages.login import LoginPage
from lab_driver.pages.workbench import WorkbenchPage
from lab_driver.refusals import not_refused
from lab_steps.workbench import running_fault

pytestmark = pytest.mark.workbench


@pytest.fixture(scope="module")
def learner_token(cluster: ClusterReader, namespace: str) -> str:
    """A token that may open the workbench: its own service account's, for ten minutes."""
    return cluster.token(namespace, "notebook", seconds=600)


@pytest.fixture(scope="module")
def running(cluster: ClusterReader, namespace: str) -> dict:
    notebook = cluster.find("kubeflow.org/v1", "Notebook", "notebook", namespace)
    assert notebook, f"Notebook {namespace}/notebook does not exist"
    return notebook


def test_workbench_is_running(cluster: ClusterReader, namespace: str, running: dict) -> None:
    """The workbench's pod is ready."""
    told = running_fault(running, cluster.find("v1", "Pod", "notebook-0", namespace))
    assert not told, f"{told}; start it in the dashboard or run ./lab up"


def test_login_refuses_a_wrong_token(
    running: dict, access: Access, anyone: requests.Session
) -> None:
    """Without a good token the workbench does not open."""
    answer = anyone.get(
        f"{access.get('workbench.url').rstrip('/')}/api/status", timeout=15, allow_redirects=False,
        headers={"Authorization": "Bearer garbage"},
    )  # fmt: skip
    told = not_refused(
        answer.status_code, answer.headers.get("Location", ""), answer.url, access.refusals
    )
    assert not told, told


@pytest.fixture(scope="module")
def inside(cluster: ClusterReader, namespace: str) -> Callable[..., str]:
    """Run a command in the workbench's own container."""
    return lambda *command: cluster.run(namespace, "notebook-0", "notebook", list(command))


def test_workbench_opens(
    running: dict, access: Access, request: pytest.FixtureRequest, namespace: str,
    inside: Callable[..., str],
) -> None:  # fmt: skip
    """JupyterLab opens behind the login, with Elyra and git."""
    if not access.opens_by_token:
        # The login is the cluster's own and takes no token: what stands behind it is asked there.
        base = f"http://127.0.0.1:8888/notebook/{namespace}/notebook"
        assert '"started"' in inside("curl", "-sS", "--max-time", "10", f"{base}/api/status")
        extensions = inside("jupyter", "labextension", "list")
        assert "elyra" in extensions, extensions
        assert "git" in extensions, extensions
        return
    browser: WebDriver = request.getfixturevalue("browser")
    keep_screenshot: Callable[[str], None] = request.getfixturevalue("keep_screenshot")
    learner_token: str = request.getfixturevalue("learner_token")
    # A workspace of its own: the default one opens what the learner had open.
    page = WorkbenchPage(browser, access.get("workbench.url") + "lab/workspaces/validation")
    page.load()
    login = LoginPage(browser, page.url)
    page.wait(lambda: login.there or page.there, "the login or JupyterLab")
    if login.there:
        login.log_in(learner_token)
    page.wait_until_there()
    launchers = page.launchers
    keep_screenshot("workbench")
    assert any("Pipeline Editor" in title for title in launchers), launchers
    assert any("Git" in title for title in page.tools), page.tools


CELL = (
    "import os, tensorflow as tf\n"
    "print(int(tf.reduce_sum(tf.range(10))), os.environ['AWS_S3_BUCKET'])"
)


def test_a_cell_runs(
    running: dict, access: Access, request: pytest.FixtureRequest, verify: str | bool,
    inside: Callable[..., str],
) -> None:  # fmt: skip
    """A cell runs in the workbench, with TensorFlow and the data connection at hand."""
    if access.opens_by_token:
        token = request.getfixturevalue("learner_token")
        printed = run_cell(access.get("workbench.url"), token, verify, CELL)
    else:
        printed = inside("python3", "-c", CELL)
    assert printed.strip().splitlines()[-1] == "45 rhods"
