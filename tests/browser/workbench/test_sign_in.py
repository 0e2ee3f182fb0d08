"""A learner signs in to JupyterLab through the Route, opens a terminal and clones the lab."""

from __future__ import annotations

import pytest
from platform_cluster import PLATFORM, STATE, wait_for
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from lab_driver.pages.login import LoginPage
from lab_driver.pages.workbench import WorkbenchPage

REPOSITORY = f"http://model-repository.{PLATFORM}.svc.cluster.local/rhods-mnist-model.git"
REPORTS = STATE / "reports" / "platform"

# Asks the workbench's own API with the browser's session.
STATUS_OF = """
const done = arguments[arguments.length - 1];
fetch(arguments[0]).then(answer => done(answer.status)).catch(error => done(String(error)));
"""


def picture(browser, name):
    REPORTS.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(REPORTS / f"{name}.png"))


def open_sign_in(browser, workbench):
    """The sign-in page; the router may take a moment to know a new workbench."""
    page = LoginPage(browser, f"{workbench}/lab")

    def shown():
        page.load()
        return page.there

    wait_for(shown, 30, "the sign-in page", 1)
    return page


@pytest.fixture(scope="module")
def signed_in(browser, workbench, token):
    """JupyterLab, past the sign-in."""
    login = open_sign_in(browser, workbench)
    picture(browser, "1-sign-in")
    login.log_in(token)
    page = WorkbenchPage(browser, f"{workbench}/lab")
    try:
        page.wait(lambda: page.there, "JupyterLab after the sign-in", timeout=120)
    finally:
        picture(browser, "2-jupyterlab")
    return page


def test_wrong_token_is_refused_on_the_page(browser, workbench):
    page = open_sign_in(browser, workbench)
    page.log_in("not-a-token")
    WebDriverWait(browser, 30).until(lambda _: "not valid" in page.refusal)


def test_session_is_out_of_a_scripts_reach(browser, signed_in):
    assert "lab-session" not in browser.execute_script("return document.cookie")
    cookie = next(c for c in browser.get_cookies() if c["name"] == "__Host-lab-session")
    assert cookie["httpOnly"]
    assert cookie["secure"]
    assert cookie["sameSite"] == "Lax"


def test_git_clone_in_a_terminal(browser, signed_in, workbench):
    """The terminal is a WebSocket through router and proxy."""
    signed_in.open_terminal()
    signed_in.type_command(f"git clone {REPOSITORY} && ls")
    address = f"{workbench}/api/contents/rhods-mnist-model/notebooks/todo/mnist.pipeline?content=0"
    signed_in.wait(
        lambda: browser.execute_async_script(STATUS_OF, address) == 200,
        "the repository to be cloned",
    )
    picture(browser, "3-git-clone")


def test_sign_out_ends_the_session(browser, signed_in, workbench):
    browser.get(workbench.partition("/notebook/")[0] + "/oauth/logout")
    browser.find_element(By.CSS_SELECTOR, "form button").click()
    page = LoginPage(browser, workbench)
    WebDriverWait(browser, 30).until(lambda _: page.there)
    assert browser.get_cookie("__Host-lab-session") is None
    browser.get(f"{workbench}/lab")
    WebDriverWait(browser, 30).until(lambda _: page.there)
