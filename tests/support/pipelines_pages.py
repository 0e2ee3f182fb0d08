"""The page as objects: locators and waits here, assertions in the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from chromium import foreign_requests
from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 20
Result = TypeVar("Result")


class Levers:
    """What tests move in the lab behind the page."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"{address}/_lever", timeout=10)

    def _pull(self, path: str, content: bytes = b"") -> None:
        self._client.post(path, content=content).raise_for_status()

    def reset(self) -> None:
        """Everything as at the start."""
        self._pull("/reset")

    def go_away(self, away: bool) -> None:
        """Whether the server answers 503 to everything."""
        self._pull(f"/away/{int(away)}")

    def set_run(self, run: str, state: str) -> None:
        """Move a run on."""
        self._pull(f"/run/{run}/{state}")

    def set_task(self, task: str, state: str) -> None:
        """Move a step on."""
        self._pull(f"/task/{task}/{state}")

    def write_log(self, task: str, text: str) -> None:
        """The step writes something."""
        self._pull(f"/log/{task}", text.encode())

    def end_log(self, task: str) -> None:
        """The step writes nothing more."""
        self._pull(f"/log/{task}/end")


class Browser:
    """A browser on the page."""

    def __init__(self, driver: webdriver.Chrome, address: str, reports: Path) -> None:
        self.driver = driver
        self.address = address
        self._reports = reports

    def open(self, path: str) -> Page:
        """Load an address of the page."""
        self.driver.get(self.address + path)
        return Page(self)

    def screenshot(self, name: str) -> None:
        """Keep what is seen."""
        self.driver.save_screenshot(str(self._reports / f"{name}.png"))

    def resize(self, width: int, height: int) -> None:
        """Another window; through the protocol, since a window has a least width."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def unresize(self) -> None:
        """The window as it was."""
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    def prefer(self, scheme: str) -> None:
        """The reader's colour scheme; "" for the default."""
        features = [{"name": "prefers-color-scheme", "value": scheme}] if scheme else []
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def forget_messages(self) -> None:
        """Start anew with messages and requests."""
        self.driver.get_log("browser")
        self.driver.get_log("performance")

    def complaints(self) -> list[str]:
        """What the browser complained of, but answers with an error status, which tests cause."""
        return [
            entry["message"]
            for entry in self.driver.get_log("browser")
            if entry["level"] == "SEVERE"
            and "the server responded with a status" not in entry["message"]
        ]

    def foreign_requests(self) -> list[str]:
        """Addresses of other hosts that were asked for."""
        return foreign_requests(self.driver, self.address)


class Page:
    """Any page."""

    _content = (By.ID, "content")
    _heading = (By.CSS_SELECTOR, "h1")
    _dialog = (By.CSS_SELECTOR, "dialog[open]")
    _lost = (By.ID, "lost")

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.driver = browser.driver
        self.wait(lambda: self.find(self._content))

    @property
    def path(self) -> str:
        """Path and query of the address."""
        parts = urlsplit(self.driver.current_url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def heading(self) -> str:
        """The page's heading."""
        return self.find(self._heading).text

    @property
    def text(self) -> str:
        """All that is read."""
        return self.find(self._content).text

    def find(self, locator: tuple[str, str]) -> WebElement:
        """One element."""
        return self.driver.find_element(*locator)

    def wait(self, ready: Callable[[], Result], patience: float = PATIENCE) -> Result:
        """Until ``ready`` gives something true; elements that come and go are waited for.

        Raises:
            TimeoutException: it did not come; the message shows what the page was meanwhile.
        """
        # A page that is being left answers with the base class of the driver's errors.
        ignored = (NoSuchElementException, StaleElementReferenceException, WebDriverException)
        try:
            waiting = WebDriverWait(self.driver, patience, 0.1, ignored)
            return waiting.until(lambda _: self._look(ready))
        except TimeoutException:
            shown = self.driver.find_element(By.TAG_NAME, "body").text
            raise TimeoutException(
                f"after {patience} s {self.driver.current_url}: {shown}"
            ) from None

    def _look(self, ready: Callable[[], Result]) -> Result:
        """Chromium shows a page of its own when a pod's new interface cuts a load off: reload."""
        script = "return document.documentElement?.outerHTML.includes('neterror') || false"
        if self.driver.execute_script(script) and not self.driver.find_elements(*self._content):
            self.driver.refresh()
        return ready()

    def wait_for_text(self, text: str, patience: float = PATIENCE) -> None:
        """Until the page says it."""
        self.wait(lambda: text in self.text, patience)

    def wait_for_path(self, start: str) -> None:
        """Until the address begins so."""
        self.wait(lambda: self.path.startswith(start))

    def mark(self) -> None:
        """Leave a mark that a reload would take away."""
        self.driver.execute_script("window.mark = 'here'")

    @property
    def is_marked(self) -> bool:
        """Whether the page is still the one that was marked."""
        return bool(self.driver.execute_script("return window.mark === 'here'"))

    def press(self, *keys: str) -> None:
        """Keys on whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    @property
    def focused(self) -> str:
        """Id of what has the focus."""
        return str(self.driver.execute_script("return document.activeElement.id"))

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        script = "const r = document.scrollingElement; return r.scrollWidth - r.clientWidth"
        return int(self.driver.execute_script(script))

    @property
    def is_live(self) -> bool:
        """Whether the page goes on asking."""
        return self.find(self._content).get_attribute("data-live") is not None

    @property
    def says_server_is_lost(self) -> bool:
        """Whether the notice is seen."""
        return self.find(self._lost).is_displayed()

    def click_button(self, label: str) -> None:
        """The button (or link that looks like one) with this label."""
        xpath = f"//main//*[self::button or self::a][normalize-space()='{label}']"
        self.find((By.XPATH, xpath)).click()

    def click_link(self, label: str) -> None:
        """A link."""
        self.find((By.LINK_TEXT, label)).click()

    def answer_dialog(self, label: str) -> None:
        """Answer the question that is open."""
        dialog = self.wait(lambda: self.find(self._dialog))
        dialog.find_element(By.XPATH, f".//button[normalize-space()='{label}']").click()

    def fill(self, name: str, value: str) -> None:
        """Type into a field by its name."""
        field = self.find((By.NAME, name))
        field.clear()
        field.send_keys(value)


class RunsPage(Page):
    """The list."""

    _picks = (By.CSS_SELECTOR, "#list input[name=run]")

    def state_of(self, run: str) -> str:
        """The state shown for a run."""
        return self.find(
            (By.XPATH, f"//tr[.//a[@id='run-{run}']]//span[contains(@class,'state')]")
        ).text

    @property
    def names(self) -> list[str]:
        """Names of the runs."""
        return [
            cell.text.split("\n")[0]
            for cell in self.driver.find_elements(By.CSS_SELECTOR, "td.main")
        ]

    def pick(self, *runs: str) -> None:
        """Tick runs."""
        for run in runs:
            self.find((By.ID, f"pick-{run}")).click()

    @property
    def can_compare(self) -> bool:
        """Whether the button can be pressed."""
        return self.find((By.CSS_SELECTOR, "[data-needs]")).is_enabled()


class RunPage(Page):
    """One run."""

    _panel_heading = (By.CSS_SELECTOR, "#panel h2")
    _log = (By.ID, "log")
    _follow = (By.ID, "follow")
    _log_note = (By.ID, "log-note")

    @property
    def keys(self) -> list[str]:
        """Keys of the steps that the graph shows; none before it is drawn."""
        nodes = self.driver.find_elements(By.CSS_SELECTOR, "a.node")
        return [str(node.get_attribute("id")).removeprefix("node-") for node in nodes]

    def node(self, key: str) -> WebElement:
        """A step in the graph."""
        return self.find((By.ID, f"node-{key}"))

    def state_of(self, key: str) -> str:
        """Class that says its state."""
        return next(
            part
            for part in str(self.node(key).get_attribute("class")).split()
            if part.startswith("s-")
        )

    def open_step(self, key: str) -> None:
        """Click on it and wait for its panel."""
        label = str(self.node(key).get_attribute("aria-label")).split(",")[0]
        self.node(key).click()
        self.wait(lambda: label.split(" · ")[-1] in self.panel_heading)

    @property
    def panel_heading(self) -> str:
        """Name of the step that is shown; "" when none is."""
        found = self.driver.find_elements(*self._panel_heading)
        return found[0].text if found else ""

    def open_tab(self, label: str) -> None:
        """A view of the step."""
        self.find(
            (By.XPATH, f"//nav[contains(@class,'small')]/a[normalize-space()='{label}']")
        ).click()
        self.wait(
            lambda: self.find((By.CSS_SELECTOR, "nav.small a[aria-current]")).text.strip() == label
        )

    @property
    def log(self) -> str:
        """The log as far as it is shown."""
        return str(self.find(self._log).get_attribute("textContent"))

    def wait_for_log(self, text: str, patience: float = 60) -> None:
        """Until the log has it; a failure shows what the page says instead."""
        try:
            self.wait(lambda: text in self.log, patience)
        except TimeoutException:
            raise AssertionError(f"no {text!r} in the log of {self.path}:\n{self.text}") from None

    @property
    def log_note(self) -> str:
        """What is said of the log."""
        return self.find(self._log_note).text

    @property
    def log_is_at_end(self) -> bool:
        """Whether the last line is seen."""
        script = (
            "const log = document.getElementById('log');"
            "return log.scrollHeight - log.scrollTop - log.clientHeight < 4"
        )
        return bool(self.driver.execute_script(script))

    def follow(self, wanted: bool) -> None:
        """Tick or untick “Follow”."""
        box = self.find(self._follow)
        if box.is_selected() is not wanted:
            box.click()

    def scroll_log_to_top(self) -> None:
        """Read the beginning."""
        self.driver.execute_script("document.getElementById('log').scrollTop = 0")

    def wait_for_frame(self, title: str) -> None:
        """Until the frame's page has this title.

        A pod's new network interface makes Chromium drop what it is loading, and a frame does
        not try again by itself: the person (and the test) reloads.
        """
        for attempt in range(3):
            try:
                self.wait(lambda: self.inside_frame("return document.title") == title)
            except TimeoutException:
                if attempt == 2:
                    raise
                self.driver.refresh()
            else:
                return

    def inside_frame(self, script: str) -> Any:
        """Run a script inside the artifact's frame."""
        self.driver.switch_to.frame(self.find((By.CSS_SELECTOR, "iframe.sheet")))
        try:
            return self.driver.execute_script(script)
        finally:
            self.driver.switch_to.default_content()


ENTER, ESCAPE = Keys.ENTER, Keys.ESCAPE
DOWN, UP, LEFT, RIGHT, TAB = (
    Keys.ARROW_DOWN,
    Keys.ARROW_UP,
    Keys.ARROW_LEFT,
    Keys.ARROW_RIGHT,
    Keys.TAB,
)
