"""Fixtures: the page's real server and function, a browser, and a place for screenshots."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from accessibility import read_rules
from chromium import start_chromium
from launcher import python_of
from ports import free_port
from selenium import webdriver

from lab_driver.browser import QUIET
from lab_driver.pages.webapp import DrawingPage

from .browser import Chromium
from .processes import ROOT, Server, bundle

Pull = Callable[[str], None]


@pytest.fixture(scope="session")
def python() -> str:
    """Python of the environment that page and function run in."""
    return python_of("inference")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled page; tests may take files away if they put them back."""
    return bundle(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="session")
def rules() -> str:
    """The script that checks rules of accessibility."""
    return read_rules()


@pytest.fixture(scope="session")
def function(python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The function, whose model answers by a script."""
    home = tmp_path_factory.mktemp("function")
    server = Server(python, home / "log", "function", free_port(), str(home / "token"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def address(
    python: str, function: Server, files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of the page's server."""
    port = function.address.rpartition(":")[2]
    log = tmp_path_factory.mktemp("page") / "log"
    server = Server(python, log, "page", free_port(), port, str(files))
    server.start()
    yield server.address
    server.stop()


@pytest.fixture
def pull(function: Server) -> Iterator[Pull]:
    """Let the function go wrong in one way; everything is well for the next test."""

    def make(name: str) -> None:
        httpx.post(f"{function.address}/_lever/{name}", timeout=10).raise_for_status()

    function.start()
    make("none")
    yield make
    function.start()
    make("none")


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, without a window."""
    made = start_chromium(
        tmp_path_factory.mktemp("profile"), "--force-prefers-reduced-motion", *QUIET
    )
    yield made
    made.quit()


@pytest.fixture
def browser(driver: webdriver.Chrome, address: str) -> Iterator[Chromium]:
    """A browser. No script may fail, no policy be broken, nothing be asked of another host."""
    reports = Path(os.environ.get("LAB_REPORTS", ROOT / ".lab" / "reports")) / "page"
    reports.mkdir(parents=True, exist_ok=True)
    shown = Chromium(driver, address, reports)
    shown.reset()
    yield shown
    complaints, foreign = shown.complaints(), shown.foreign_requests()
    shown.reset()
    assert complaints == []
    assert foreign == []


@pytest.fixture
def page(browser: Chromium, pull: Pull) -> DrawingPage:
    """The page on a desk, loaded, with a function that is well."""
    return DrawingPage(browser.driver, browser.address).open()


@pytest.fixture
def phone(browser: Chromium, pull: Pull) -> DrawingPage:
    """The page on a phone."""
    browser.be_a_phone()
    return DrawingPage(browser.driver, browser.address).open()


@pytest.fixture
def keep(browser: Chromium) -> Callable[[str], None]:
    """Keep a picture of the whole page."""

    def save(name: str) -> None:
        shot = browser.driver.execute_cdp_cmd(
            "Page.captureScreenshot", {"captureBeyondViewport": True}
        )
        (browser.reports / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))

    return save
