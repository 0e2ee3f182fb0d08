"""The login page of the token proxy, in front of the workbench and the pipelines."""

from __future__ import annotations

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from lab_driver.pages.base import Page


class LoginPage(Page):
    """Takes a Kubernetes token and, when it is good, leads on to what was asked for."""

    _token = (By.NAME, "token")
    _submit = (By.CSS_SELECTOR, "#by-token button")
    _refusal = (By.CSS_SELECTOR, "[role=alert]")

    @property
    def there(self) -> bool:
        """The form is shown."""
        return self.shown(self._token)

    def log_in(self, token: str) -> None:
        """Send the form; where it leads is the caller's to wait for."""
        field = self.find(self._token)
        # Set by script: a token of a thousand characters takes seconds to type.
        self.browser.execute_script("arguments[0].value = arguments[1]", field, token)
        self.find(self._submit).click()

    @property
    def refusal(self) -> str:
        """What the page says when it refuses."""
        return str(self.find(self._refusal).text)


def forget_sign_ins(browser: WebDriver) -> None:
    """Take all cookies away, also those of the login's own host."""
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})


def sign_in(browser: WebDriver, page: Page, token: str) -> None:
    """Open a page, past its login where that asks for a token."""
    page.load()
    login = LoginPage(browser, page.url)
    page.wait(lambda: login.there or page.there, f"the login or {page.url}", timeout=60)
    if login.there:
        login.log_in(token)
    page.wait_until_there()
