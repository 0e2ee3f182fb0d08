"""JupyterLab behind the login."""

from __future__ import annotations

from selenium.webdriver.common.by import By

from lab_validation.pages.base import Page


class WorkbenchPage(Page):
    """JupyterLab's shell: the launcher, the file browser and Elyra's tools."""

    timeout = 60.0
    _shell = (By.ID, "jp-main-content-panel")
    _splash = (By.ID, "jupyterlab-splash")
    _cards = (By.CSS_SELECTOR, ".jp-LauncherCard")
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
