"""A notebook open in JupyterLab."""

from __future__ import annotations

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from lab_validation.pages.workbench import WorkbenchPage


class NotebookPage(WorkbenchPage):
    """A notebook: its cells and its kernel."""

    _cells = (By.CSS_SELECTOR, ".jp-Notebook .jp-Cell")
    _kernel = (By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator")
    _prompts = (By.CSS_SELECTOR, ".jp-Notebook .jp-InputPrompt")
    _unsaved = (By.CSS_SELECTOR, ".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")

    @property
    def there(self) -> bool:
        """The cells are drawn."""
        return super().there and len(self.find_all(self._cells)) > 3

    @property
    def idle(self) -> bool:
        """The kernel of the notebook in front runs and has nothing to do."""
        return any(
            mark.get_attribute("data-status") == "idle"
            for mark in self.find_all(self._kernel)
            if mark.is_displayed()
        )

    @property
    def waiting(self) -> bool:
        """A cell is still to run: between two cells the kernel is idle for a moment."""
        return any("*" in prompt.text for prompt in self.find_all(self._prompts))

    def run_all(self, timeout: float) -> NotebookPage:
        """Run every cell by the menu, wait ``timeout`` seconds for the last, and save."""
        self.wait(lambda: self.idle, "the notebook's kernel")
        self.choose("Run", "runmenu:run-all")
        self.wait(lambda: not self.idle, "the first cell to run", timeout=30)
        self.wait(lambda: self.idle and not self.waiting, "the last cell to end", timeout=timeout)
        return self.save()

    def save(self) -> NotebookPage:
        """Save what is open, by the keyboard."""
        self.find((By.TAG_NAME, "body")).send_keys(Keys.CONTROL, "s")
        self.wait(lambda: not self.find_all(self._unsaved), "the notebook to be saved")
        return self
