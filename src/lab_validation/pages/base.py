"""A page in a browser: where it is, when it is there, and bounded waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from selenium.common.exceptions import TimeoutException
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

Locator = tuple[str, str]


class Page:
    """Base of all page objects; ``timeout`` in seconds bounds every wait."""

    timeout = 30.0

    def __init__(self, browser: WebDriver, url: str) -> None:
        """Stand for the page at ``url`` in ``browser``."""
        self.browser = browser
        self.url = url

    def open(self) -> Self:
        """Load the page and wait until it is there."""
        self.browser.get(self.url)
        return self.wait_until_there()

    def wait_until_there(self) -> Self:
        """Wait until the page is there."""
        self.wait(lambda: self.there, f"{type(self).__name__} at {self.url} to load")
        return self

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
            return WebDriverWait(self.browser, bound, poll_frequency=0.1).until(
                lambda _: condition()
            )
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
