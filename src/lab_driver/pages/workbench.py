"""JupyterLab behind the login."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from lab_driver.pages.base import Page


class WorkbenchPage(Page):
    """JupyterLab's shell: the launcher, the file browser and Elyra's tools."""

    timeout = 60.0
    _shell = (By.ID, "jp-main-content-panel")
    _splash = (By.ID, "jupyterlab-splash")
    _cards = (By.CSS_SELECTOR, ".jp-LauncherCard")
    _terminal = (By.CSS_SELECTOR, ".jp-LauncherCard[title*='terminal']")
    _prompt = (By.CSS_SELECTOR, ".jp-Terminal .xterm-helper-textarea")
    _screen = (By.CSS_SELECTOR, ".jp-Terminal .xterm-screen")
    _files = (By.CSS_SELECTOR, ".jp-DirListing-item")
    _entries = (By.CSS_SELECTOR, ".lm-Menu-item")
    _tabs = (By.CSS_SELECTOR, ".jp-SideBar .lm-TabBar-tab")

    @property
    def there(self) -> bool:
        """The shell is drawn and the splash screen is gone."""
        return self.shown(self._shell) and not self.shown(self._splash)

    @property
    def launchers(self) -> list[str]:
        """Titles of the launcher's cards."""
        self.wait(lambda: self.find_all(self._cards), "the launcher's cards")
        return [
            str(card.get_attribute("title") or card.text) for card in self.find_all(self._cards)
        ]

    @property
    def tools(self) -> list[str]:
        """Titles of the side bars' tools."""
        return [str(tab.get_attribute("title")) for tab in self.find_all(self._tabs)]

    def open_terminal(self) -> None:
        """Open a terminal from the launcher, ready to be typed into."""
        self.wait(lambda: self.find_all(self._terminal), "the launcher's card of the terminal")
        # By script: the card may lie below the edge of the launcher.
        self.browser.execute_script("arguments[0].click()", self.find(self._terminal))
        self.wait(lambda: self.shown(self._screen), "the terminal")
        self.find(self._screen).click()

    def type_command(self, command: str) -> None:
        """Type a command into the open terminal."""
        self.find(self._prompt).send_keys(command, Keys.ENTER)

    def choose(self, menu: str, command: str) -> None:
        """Choose the entry of a command in a menu of the menu bar."""
        bar = f"//*[contains(@class,'lm-MenuBar-item')][normalize-space()='{menu}']"
        self.find((By.XPATH, bar)).click()
        self._click_entry(command)

    def choose_for_file(self, name: str, command: str) -> None:
        """Choose the entry of a command in the context menu of a file in the file browser."""

        def item() -> object:
            return next((f for f in self.find_all(self._files) if f.text.startswith(name)), None)

        ActionChains(self.browser).context_click(self.wait(item, f"the file {name}")).perform()
        self._click_entry(command)

    def _click_entry(self, command: str) -> None:
        def entry() -> object:
            return next(
                (
                    entry
                    for entry in self.find_all(self._entries)
                    if entry.get_attribute("data-command") == command and entry.is_displayed()
                ),
                None,
            )

        self.wait(entry, f"the menu's entry {command}").click()
