"""Fixtures: the bundled page, its server, a browser, and a place for screenshots."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from accessibility import find_broken_rules, read_rules
from chromium import start_chromium
from dashboard_pages import Dashboard, Levers
from launcher import python_of
from ports import free_port
from selenium import webdriver
from started import wait_until_up

from embedded_cluster.layout import cache_directory
from lab_checks.page_packages import dashboard_sources, run_npm
from lab_driver.browser import QUIET

ROOT = Path(__file__).resolve().parents[3]
STARTING = 60


@pytest.fixture(scope="session")
def platform_python() -> str:
    """Python of the environment that the server runs in."""
    return python_of("platform")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled page."""
    target = tmp_path_factory.mktemp("page") / "dashboard"
    made = dashboard_sources(ROOT, target, cache_directory())
    run_npm(made, cache_directory(), "run", "--silent", "build")
    return made / "dist"


@pytest.fixture(scope="session")
def rules() -> str:
    """The script that checks rules of accessibility."""
    return read_rules()


Serve = Callable[[str], str]


@pytest.fixture(scope="session")
def serve(
    platform_python: str, bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serve]:
    """Start a module that serves the page; gives its address."""
    started: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}

    def start(module: str) -> str:
        if module in started:
            return started[module][0]
        port = free_port()
        log = tmp_path_factory.mktemp("server") / "log"
        command = [platform_python, "-W", "ignore", "-m", module, str(port), str(bundle)]
        with log.open("wb") as stream:
            process = subprocess.Popen(command, cwd=ROOT, stdout=stream, stderr=stream)
        address = f"http://127.0.0.1:{port}"
        started[module] = address, process
        wait_until_up(process, lambda: answers(address), STARTING, log, excused=(httpx.HTTPError,))
        return address

    yield start
    for _, process in started.values():
        process.terminate()
    for _, process in started.values():
        process.wait(10)


def answers(address: str) -> bool:
    """Whether the server says anything."""
    return httpx.get(f"{address}/icon.svg", timeout=2) is not None


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, without a window."""
    made = start_chromium(
        tmp_path_factory.mktemp("profile"), "--force-prefers-reduced-motion", *QUIET
    )
    made.set_script_timeout(30)
    yield made
    made.quit()


@pytest.fixture(scope="session")
def reports() -> Path:
    """Where pictures are kept."""
    made = Path(os.environ.get("LAB_REPORTS", ROOT / ".lab" / "reports")) / "dashboard"
    made.mkdir(parents=True, exist_ok=True)
    return made


def watched(driver: webdriver.Chrome, address: str, reports: Path) -> Iterator[Dashboard]:
    """A browser. No script may fail, no policy be broken, nothing be asked of another host."""
    shown = Dashboard(driver, address, reports)
    shown.reset()
    yield shown
    complaints, foreign = shown.complaints(), shown.foreign_requests()
    driver.get("about:blank")
    assert complaints == []
    assert foreign == []


@pytest.fixture
def levers(serve: Serve) -> Levers:
    """What moves behind the page; everything is as it was for this test."""
    moved = Levers(serve("tests.browser.dashboard.scripted"))
    moved.pull("reset")
    return moved


@pytest.fixture
def page(
    driver: webdriver.Chrome, serve: Serve, levers: Levers, reports: Path
) -> Iterator[Dashboard]:
    """The page over the scripted interface."""
    yield from watched(driver, serve("tests.browser.dashboard.scripted"), reports)


@pytest.fixture
def broken_rules(page: Dashboard, rules: str) -> Callable[[], list[str]]:
    """What a checker of accessibility has to say of the page as it is now."""
    return lambda: find_broken_rules(page.driver, rules)
