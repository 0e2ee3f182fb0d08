"""A page in a browser: where it is, when it is there, and bounded waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from selenium.common.exceptions import (
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

Locator = tuple[str, str]
LOADS = 4
INTERRUPTED = "ERR_NETWORK_CHANGED"


class Page:
    """Base of all page objects; ``timeout`` in seconds bounds every wait."""

    timeout = 30.0

    def __init__(self, browser: WebDriver, url: str) -> None:
        """Stand for the page at ``url`` in ``browser``."""
        self.browser = browser
        self.url = url

    def open(self) -> Self:
        """Load the page and wait until it is there."""
        self.load()
        return self.wait_until_there()

    def load(self) -> None:
        """Load the page, again where the network changed meanwhile.

        On the machine that runs the cluster every pod that starts or ends adds or removes an
        interface, and Chromium then gives up what it is loading (ERR_NETWORK_CHANGED).
        """
        for _ in range(LOADS - 1):
            try:
                self.browser.get(self.url)
            except WebDriverException as error:
                if INTERRUPTED not in str(error):
                    raise
            else:
                return
        self.browser.get(self.url)

    def wait_until_there(self) -> Self:
        """Wait until the page is there; reload it if a part of it was given up on the way."""
        self.wait(
            lambda: self.there or self._reload_if_interrupted(),
            f"{type(self).__name__} at {self.url} to load",
        )
        return self

    def _reload_if_interrupted(self) -> bool:
        log: list[dict[str, Any]] = self.browser.get_log("browser")  # type: ignore[attr-defined]
        if any(INTERRUPTED in str(entry.get("message")) for entry in log):
            self.browser.refresh()
        return False

    @property
    def there(self) -> bool:
        """Tell whether the page is drawn and can be used."""
        raise NotImplementedError

    def wait(self, condition: Callable[[], Any], what: str, timeout: float | None = None) -> Any:
        """Wait for a condition and return its value.

        Raises:
            TimeoutException: it did not come; the message says what was waited for.
        """
        bound = timeout or self.timeout
        try:
            # What was drawn anew while it was looked at is looked at again.
            return WebDriverWait(
                self.browser, bound, 0.1, ignored_exceptions=[StaleElementReferenceException]
            ).until(lambda _: condition())
        except TimeoutException:
            message = f"waited {bound:.0f} s for {what}; the page is {self.browser.current_url}"
            raise TimeoutException(message) from None

    def find(self, locator: Locator) -> Any:
        """Return the first element at a locator."""
        return self.browser.find_element(*locator)

    def find_all(self, locator: Locator) -> list[Any]:
        """Return all elements at a locator; none is an empty list."""
        return list(self.browser.find_elements(*locator))

    def shown(self, locator: Locator) -> bool:
        """Tell whether any element at a locator is shown."""
        return any(element.is_displayed() for element in self.find_all(locator))
