"""A learner serves the trained model through the dashboard's forms, and draws a digit.

By an account with a project admin's rights in the lab's seat and nothing else: *Configure server*,
*Deploy model*, the token seen, `oc apply -k ./inference/` typed in the workbench's terminal. Begins
in the trained state and leaves the lab as the suite's own roles serve it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cluster_accounts
import pytest
from dashboard_pages import Dashboard
from platform_cluster import wait_for
from selenium.webdriver import Chrome

from lab_driver.access import Access
from lab_driver.cluster import ClusterReader
from lab_driver.pages.base import Page
from lab_driver.pages.login import sign_in
from lab_driver.pages.webapp import DrawingPage
from lab_driver.pages.workbench import WorkbenchPage
from lab_driver.strokes import smooth, strokes_of
from lab_ground.kubernetes.client import KubernetesClient, open_client

REPOSITORY = Path(__file__).resolve().parents[3]
LEARNER = "walking-learner"
CLONE_URL = "http://model-repository.lab-platform.svc.cluster.local/rhods-mnist-model.git"
TYPED = f"cd $(mktemp -d) && git clone -q {CLONE_URL} . && oc apply -k ./inference/; echo left: $?"


def lab(*arguments: str) -> None:
    """Run the launcher; fail with what it said last."""
    done = subprocess.run(
        ["./lab", *arguments], cwd=REPOSITORY, text=True, capture_output=True, timeout=900,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.fixture(scope="module")
def client(kubeconfig: Path | None) -> KubernetesClient:
    return open_client(str(kubeconfig) if kubeconfig else os.environ["KUBECONFIG"])


@pytest.fixture(scope="module")
def learner(client: KubernetesClient, namespace: str) -> Iterator[str]:
    """The learner's token, in a seat that has a trained model and nothing that serves it."""
    lab("reset", "--to", "trained")
    binding = cluster_accounts.binding(LEARNER, namespace, role="admin")
    client.create(cluster_accounts.account(LEARNER, namespace))
    client.create(binding)
    yield cluster_accounts.token_of(client, namespace, LEARNER, 7200)
    client.delete(binding["apiVersion"], "RoleBinding", LEARNER, namespace)
    client.delete("v1", "ServiceAccount", LEARNER, namespace)
    lab("reset", "--to", "trained")
    lab("run", "serve-model")
    lab("run", "deploy-inference")


@pytest.fixture(scope="module")
def dashboard(browser: Chrome, access: Access, learner: str, namespace: str) -> Dashboard:
    """The project's models, signed in."""
    reports = REPOSITORY / ".lab/reports/learner"
    reports.mkdir(parents=True, exist_ok=True)
    page = Dashboard(browser, access.get("dashboard.url").rstrip("/"), reports)
    door = DashboardDoor(browser, f"{page.address}/projects/{namespace}?section=model-server")
    sign_in(browser, door, learner)
    return page


class DashboardDoor(Page):
    """The dashboard's page as a door that asks for a login."""

    @property
    def there(self) -> bool:
        """Its heading is drawn."""
        return "/oauth/" not in self.browser.current_url and bool(
            self.browser.find_elements("xpath", "//*[@id='main' or self::main]//h1")
        )


def status_of(client: KubernetesClient, namespace: str) -> dict[str, Any]:
    found = client.get("serving.kserve.io/v1beta1", "InferenceService", "mnist", namespace) or {}
    return dict(found.get("status") or {})


def test_1_configure_the_server(dashboard: Dashboard) -> None:
    dashboard.click("Configure server").wait_for("Configure model server")
    dashboard.tick("Require token authentication")
    dashboard.fill("Service account name", "model-mesh").wait_until_pressable("Configure")
    dashboard.screenshot("6-1-configure-server")
    dashboard.click("Configure").wait_until_closed()


def test_2_deploy_the_model(dashboard: Dashboard, client: KubernetesClient, namespace: str) -> None:
    dashboard.click("Deploy model").fill("Model Name", "mnist")
    dashboard.choose("Model framework (name - version)", "onnx - 1").choose("Name", "s3-creds")
    dashboard.fill("Folder path", "onnx/model-v2.onnx").wait_until_pressable("Deploy")
    dashboard.screenshot("6-2-deploy-model")
    dashboard.click("Deploy").wait_until_closed()

    def loaded() -> bool:
        states = (status_of(client, namespace).get("modelStatus") or {}).get("states") or {}
        return bool(states.get("activeModelState") == "Loaded")

    wait_for(loaded, 120, "the model to be loaded", 0.5)
    dashboard.screenshot("6-3-deployed")


def test_3_the_token_is_there(dashboard: Dashboard, cluster: ClusterReader, namespace: str) -> None:
    token = cluster.secret(f"{namespace}/model-mesh")["token"]
    toggle = "//td[@data-label='Tokens']//button"
    dashboard.wait(lambda: dashboard.all(toggle), "the count of tokens")[0].click()
    dashboard.wait_for("Token secret").click("Show token model-mesh")
    dashboard.wait(
        lambda: dashboard.field("Token model-mesh").get_attribute("value") == token, "the token"
    )


def test_4_apply_in_the_terminal(
    browser: Chrome, access: Access, learner: str, client: KubernetesClient, namespace: str
) -> None:
    workbench = WorkbenchPage(browser, access.get("workbench.url"))
    sign_in(browser, workbench, learner)
    workbench.open_terminal()
    workbench.type_command(TYPED)
    deployment = ("apps/v1", "Deployment", "mnist-webapp", namespace)
    wait_for(lambda: client.get(*deployment), 60, "the page, applied in the terminal", 0.5)


def test_5_draw(
    browser: Chrome, access: Access, cluster: ClusterReader, namespace: str,
    request: pytest.FixtureRequest, dashboard: Dashboard, anyone: Any,
) -> None:  # fmt: skip
    url = access.get("webapp.url")
    wait_for(lambda: anyone.get(url, timeout=10).status_code == 200, 90, "the page", 0.5)
    digits: dict[int, Any] = request.getfixturevalue("clear_digits")
    page = DrawingPage(browser, url)
    page.open()
    for digit in (3, 7):
        page.clear().draw(smooth(strokes_of(digits[digit]))).predict()
        dashboard.screenshot(f"6-4-digit-{digit}")
        assert page.answer == digit
