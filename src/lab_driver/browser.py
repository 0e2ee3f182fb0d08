"""A headless Chromium that trusts the lab's certificate authority and verifies everything."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

WIDTH, HEIGHT = 1280, 1080
# Chromium looks for these by itself and would wait on a closed network.
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",
)


class BrowserError(Exception):
    """The browser cannot be started; the message says what to install."""


def trust(home: Path, certificate: Path) -> None:
    """Make a certificate database below ``home`` that holds the lab's authority.

    Chromium on Linux reads ``$HOME/.pki/nssdb``; a home of the test's own keeps the user's
    database as it is.

    Raises:
        BrowserError: certutil is missing or refuses the certificate.
    """
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True, exist_ok=True)
    certutil = shutil.which("certutil")
    if certutil is None:
        raise BrowserError("certutil is not installed: apt-get install libnss3-tools")
    where = f"sql:{database}"
    for arguments in (
        ["-N", "--empty-password"],
        ["-A", "-t", "C,,", "-n", "MNIST lab", "-i", str(certificate)],
    ):
        done = subprocess.run(
            [certutil, "-d", where, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BrowserError(f"certutil {arguments[0]} failed: {done.stderr.strip()}")


def start(home: Path, certificate: Path | None, timeout: float = 30) -> webdriver.Chrome:
    """Start the browser; ``timeout`` in seconds bounds each page load and script.

    Without a ``certificate`` it trusts what browsers on this machine trust.

    Raises:
        BrowserError: Chromium or its driver is missing, or it does not start.
    """
    for program, package in (("chromium", "chromium"), ("chromedriver", "chromium-driver")):
        if shutil.which(program) is None:
            raise BrowserError(f"{program} is not installed: apt-get install {package}")
    if certificate is not None:
        trust(home, certificate)
    options = webdriver.ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for argument in (
        "--headless=new",
        # The checks may run as root, where Chromium's own sandbox cannot start.
        "--no-sandbox",
        f"--window-size={WIDTH},{HEIGHT}",
        f"--user-data-dir={home / 'profile'}",
        # Pictures then show how a page ends up, not the middle of an animation.
        "--force-prefers-reduced-motion",
        "--hide-scrollbars",
        *QUIET,
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = Service(
        executable_path=str(shutil.which("chromedriver")),
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )
    driver = webdriver.Chrome(options=options, service=service)
    driver.set_page_load_timeout(timeout)
    driver.set_script_timeout(timeout)
    return driver
