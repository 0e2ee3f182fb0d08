"""Debian's Chromium for tests of pages that this machine serves itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from selenium import webdriver
from selenium.webdriver.chrome.service import Service


def start_chromium(profile: Path, *arguments: str) -> webdriver.Chrome:
    """Start it without a window, its console and network kept; whoever calls quits it."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "Chromium is missing: apt-get install chromium chromium-driver"
    assert chromedriver, "its driver is missing: apt-get install chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={profile}",
        *arguments,
    ):  # fmt: skip
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    made = webdriver.Chrome(options, Service(chromedriver))
    made.set_page_load_timeout(20)
    return made


class DrivenPage:
    """A browser on a page of this machine's, told by the browser's own protocol.

    ``EXPECTED`` is what a failed answer leaves in its log; tests cause those on purpose.
    """

    EXPECTED: tuple[str, ...] = ("the server responded with a status",)

    def __init__(self, driver: webdriver.Chrome, address: str, reports: Path) -> None:
        self.driver = driver
        self.address = address
        self.reports = reports

    def tell(self, command: str, **parameters: Any) -> Any:
        """Tell the browser something by its own protocol."""
        return self.driver.execute_cdp_cmd(command, parameters)

    def prefer(self, scheme: str) -> None:
        """The reader's colour scheme."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.tell("Emulation.setEmulatedMedia", features=features)

    def complaints(self) -> list[str]:
        """What the browser complained of: scripts that failed, a policy that was broken."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE" and not any(e in entry["message"] for e in self.EXPECTED)
        ]

    def foreign_requests(self) -> list[str]:
        """Addresses of other hosts that were asked for."""
        return foreign_requests(self.driver, self.address)


def foreign_requests(driver: webdriver.Chrome, address: str) -> list[str]:
    """Addresses of other hosts than the page's that were asked for since this was last asked."""
    host = urlsplit(address).netloc
    urls = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = urlsplit(message["params"]["request"]["url"])
            if url.scheme in ("http", "https", "ws", "wss") and url.netloc != host:
                urls.append(url.geturl())
    return urls
