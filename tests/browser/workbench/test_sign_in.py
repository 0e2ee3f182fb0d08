"""A learner signs in to JupyterLab through the Route, opens a terminal and clones the lab."""

from __future__ import annotations

import pytest
from platform_cluster import PLATFORM, STATE, wait_for
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as see
from selenium.webdriver.support.ui import WebDriverWait

from lab_validation.pages.login import LoginPage

REPOSITORY = f"http://model-repository.{PLATFORM}.svc.cluster.local/rhods-mnist-model.git"
REPORTS = STATE / "reports" / "platform"

LAUNCHER = (
    By.XPATH,
    "//*[contains(@class, 'jp-LauncherCard')][.//*[contains(@class, 'jp-LauncherCard-label')]"
    "[normalize-space()='Terminal']]",
)
TERMINAL = (By.CSS_SELECTOR, ".jp-Terminal .xterm-helper-textarea")
SCREEN = (By.CSS_SELECTOR, ".jp-Terminal .xterm-screen")

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
    """The browser, past the sign-in."""
    page = open_sign_in(browser, workbench)
    picture(browser, "1-sign-in")
    page.log_in(token)
    try:
        WebDriverWait(browser, 120).until(see.presence_of_element_located(LAUNCHER))
    finally:
        picture(browser, "2-jupyterlab")
    return browser


def test_wrong_token_is_refused_on_the_page(browser, workbench):
    page = open_sign_in(browser, workbench)
    page.log_in("not-a-token")
    WebDriverWait(browser, 30).until(lambda _: "not valid" in page.refusal)


def test_session_is_out_of_a_scripts_reach(signed_in):
    assert "lab-session" not in signed_in.execute_script("return document.cookie")
    cookie = next(c for c in signed_in.get_cookies() if c["name"] == "__Host-lab-session")
    assert cookie["httpOnly"]
    assert cookie["secure"]
    assert cookie["sameSite"] == "Lax"


def test_git_clone_in_a_terminal(signed_in, workbench):
    """The terminal is a WebSocket through router and proxy."""
    # By script: the card may lie below the edge of the launcher.
    signed_in.execute_script("arguments[0].click()", signed_in.find_element(*LAUNCHER))
    wait = WebDriverWait(signed_in, 60)
    wait.until(see.presence_of_element_located(TERMINAL))
    wait.until(see.visibility_of_element_located(SCREEN)).click()
    # Only what the terminal itself echoes shows that it is there to read.
    signed_in.find_element(*TERMINAL).send_keys(f"git clone {REPOSITORY} && ls", Keys.ENTER)
    address = f"{workbench}/api/contents/rhods-mnist-model/notebooks/todo/mnist.pipeline?content=0"
    wait.until(
        lambda _: signed_in.execute_async_script(STATUS_OF, address) == 200,
        message="the repository was not cloned",
    )
    picture(signed_in, "3-git-clone")


def test_sign_out_ends_the_session(signed_in, workbench):
    signed_in.get(workbench.partition("/notebook/")[0] + "/oauth/logout")
    signed_in.find_element(By.CSS_SELECTOR, "form button").click()
    page = LoginPage(signed_in, workbench)
    WebDriverWait(signed_in, 30).until(lambda _: page.there)
    assert signed_in.get_cookie("__Host-lab-session") is None
    signed_in.get(f"{workbench}/lab")
    WebDriverWait(signed_in, 30).until(lambda _: page.there)
