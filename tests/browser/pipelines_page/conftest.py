"""Fixtures: the page's server, a browser, and a place for screenshots."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from chromium import start_chromium
from launcher import python_of
from pipelines_pages import Browser, Levers
from ports import free_port
from selenium import webdriver
from started import wait_until_up

ROOT = Path(__file__).resolve().parents[3]
STARTING = 60
SERVER = "tests.browser.pipelines_page.serve_lab"


@pytest.fixture(scope="session")
def platform_python() -> str:
    """Python of the environment that the page runs in."""
    return python_of("platform")


@pytest.fixture(scope="session")
def address(platform_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server of the session's own."""
    port = free_port()
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [
                platform_python,
                "-W",
                "ignore",
                "-m",
                "tests.browser.pipelines_page.serve_lab",
                str(port),
            ],
            cwd=ROOT,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        runs = f"{url}/runs"
        wait_until_up(
            process,
            lambda: httpx.get(runs, timeout=2) is not None,
            STARTING,
            log,
            excused=(httpx.HTTPError,),
        )
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def levers(address: str) -> Iterator[Levers]:
    """What moves in the lab; everything is as it was for the next test."""
    moved = Levers(address)
    moved.reset()
    yield moved
    moved.reset()


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium, without a window."""
    made = start_chromium(
        tmp_path_factory.mktemp("profile"),
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--window-size=1440,1000",
    )
    yield made
    made.quit()


@pytest.fixture
def browser(driver: webdriver.Chrome, address: str, levers: Levers) -> Iterator[Browser]:
    """A browser on the page. No script may fail and nothing may be asked of another host."""
    driver.set_window_size(1440, 1000)
    reports = Path(os.environ.get("LAB_REPORTS", ROOT / ".lab" / "reports")) / "pipelines-page"
    reports.mkdir(parents=True, exist_ok=True)
    shown = Browser(driver, address, reports)
    shown.forget_messages()
    yield shown
    assert shown.complaints() == []
    assert shown.foreign_requests() == []
