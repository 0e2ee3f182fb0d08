"""The dashboard as objects: locators and waits here, assertions in the tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
from chromium import DrivenPage
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

PATIENCE = 10
DESK = {"width": 1440, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": False}
Result = TypeVar("Result")


class Levers:
    """What tests move behind the page."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(base_url=f"{address}/_lever", timeout=10)

    def pull(self, name: str, value: Any = None) -> Any:
        """Move one of the server's levers."""
        return self._client.post(f"/{name}", json=value).raise_for_status().json()

    @property
    def writes(self) -> list[dict[str, Any]]:
        """What was written since the start, in order."""
        return list(self.pull("writes"))


class Dashboard(DrivenPage):
    """A browser on the dashboard."""

    EXPECTED = ("the server responded with a status", "net::ERR_")

    def reset(self) -> None:
        """A desk in light colours, nothing kept in the browser, nothing said so far."""
        self.resize(DESK)
        self.prefer("light")
        self.driver.get(f"{self.address}/icon.svg")
        self.driver.execute_script("sessionStorage.clear(); localStorage.clear()")
        self.driver.get_log("browser")
        self.driver.get_log("performance")

    def resize(self, size: dict[str, Any]) -> None:
        """Another window; through the protocol, since a window has a least width."""
        self.tell("Emulation.setDeviceMetricsOverride", **size)

    def screenshot(self, name: str) -> None:
        """Keep what is seen."""
        self.driver.save_screenshot(str(self.reports / f"{name}.png"))

    def open(self, path: str) -> Self:
        """Load an address of the page, and wait until its heading is there."""
        self.driver.get(self.address + path)
        self.wait(lambda: self.all("//h1[normalize-space()]"), f"{path} to load")
        return self

    @property
    def path(self) -> str:
        """Path and query of the address."""
        parts = urlsplit(self.driver.current_url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    @property
    def text(self) -> str:
        """All that is read, windows over the page with it."""
        return self.driver.find_element(By.TAG_NAME, "body").text

    @property
    def window(self) -> str:
        """What the open window says; "" where none is open."""
        found = self.driver.find_elements(By.CSS_SELECTOR, "[role=dialog]")
        return found[-1].text if found else ""

    @property
    def focused(self) -> WebElement:
        """What has the focus."""
        return self.driver.switch_to.active_element

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        script = (
            "return Math.max(...[document.scrollingElement, document.querySelector('#main')]"
            ".filter(Boolean).map((each) => each.scrollWidth - each.clientWidth))"
        )
        return int(self.driver.execute_script(script))

    def fits(self, patience: float = 3) -> bool:
        """Whether nothing runs off the side, once the navigation has made way."""
        try:
            WebDriverWait(self.driver, patience, 0.05).until(lambda _: self.overflow <= 0)
        except TimeoutException:
            return False
        return True

    def all(self, xpath: str) -> list[WebElement]:
        """Elements at a path; those of the open window where one is open."""
        windows = self.driver.find_elements(By.CSS_SELECTOR, "[role=dialog][aria-modal=true]")
        if windows:
            return windows[-1].find_elements(By.XPATH, f".{xpath}")
        return self.driver.find_elements(By.XPATH, xpath)

    def wait(self, ready: Callable[[], Result], what: str, patience: float = PATIENCE) -> Result:
        """Until ``ready`` gives something true; elements that come and go are waited for."""
        try:
            return WebDriverWait(self.driver, patience, 0.05, (WebDriverException,)).until(
                lambda _: ready()
            )
        except TimeoutException:
            said = self.text[:3000]
            raise AssertionError(
                f"waited {patience} s for {what} at {self.path}:\n{said}"
            ) from None

    def wait_for(self, text: str, patience: float = PATIENCE) -> Self:
        """Until the page says it."""
        self.wait(lambda: text in self.text, repr(text), patience)
        return self

    def wait_for_path(self, start: str) -> Self:
        """Until the address begins so."""
        self.wait(lambda: self.path.startswith(start), f"the address {start}")
        return self

    def wait_until_still(self) -> Self:
        """Until nothing fades or slides any more, as from one theme to the other."""
        moving = (
            "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => "
            "done(document.getAnimations().filter((each) => each instanceof CSSTransition"
            " && each.playState === 'running').length)))"
        )
        self.wait(lambda: self.driver.execute_async_script(moving) == 0, "the page to be still")
        return self

    def wait_until_closed(self) -> Self:
        """Until no window is open."""
        self.wait(lambda: not self.window, "the window to close")
        return self

    def show(self, element: WebElement) -> WebElement:
        """Scroll to it, as a hand would: the form's footer lies over what is at the edge."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        return element

    def button(self, label: str) -> WebElement:
        """A button or link by what it says or is called; the last where several are."""
        quoted = json.dumps(label)
        named = f"normalize-space()={quoted} or @aria-label={quoted}"
        path = f"//*[self::button or self::a or @role='menuitem'][{named}]"
        return self.wait(lambda: self.all(path), f"a button {label}")[-1]

    def click(self, label: str) -> Self:
        """Press it."""

        def press() -> bool:
            self.show(self.button(label)).click()
            return True

        self.wait(press, f"to press {label}")
        return self

    def can_press(self, label: str) -> bool:
        """Whether it does something."""
        button = self.button(label)
        return button.is_enabled() and button.get_attribute("aria-disabled") != "true"

    def wait_until_pressable(self, label: str) -> Self:
        """Until it does something."""
        self.wait(lambda: self.can_press(label), f"{label} to be enabled")
        return self

    def choose_action(self, row: str, action: str) -> Self:
        """An action of a row's own menu."""
        named = f"normalize-space(text())={json.dumps(row)}"
        path = f"//tr[td[{named} or .//a[{named}]]]//button[@aria-label='Kebab toggle']"
        self.wait(lambda: self.all(path), f"the menu of {row}")[0].click()
        return self.click(action)

    def field(self, label: str) -> WebElement:
        """A field by its label, the first where several have it."""
        quoted = json.dumps(label)
        path = (
            f"//*[self::input or self::select or self::textarea][@aria-label={quoted} or "
            f"@id=//label[normalize-space(.//*[contains(@class,'label-text')])={quoted}]/@for or "
            f"@id=//label[normalize-space()={quoted}]/@for]"
        )
        return self.wait(lambda: self.all(path), f"a field {label}")[0]

    def fill(self, label: str, value: str) -> Self:
        """Type into it, in place of what is there."""
        field = self.field(label)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(Keys.DELETE if value == "" else value)
        return self

    def choose(self, label: str, shown: str) -> Self:
        """An entry of a list."""
        self.wait(
            lambda: Select(self.field(label)).select_by_visible_text(shown) or True,
            f"{shown} in {label}",
        )
        return self

    def tick(self, label: str) -> Self:
        """A box or a radio button by its label."""
        path = f"//label[normalize-space()={json.dumps(label)}]"
        self.show(self.wait(lambda: self.all(path), f"a box {label}")[-1]).click()
        return self

    def press(self, *keys: str) -> Self:
        """Keys on whatever has the focus."""
        self.focused.send_keys(*keys)
        return self
