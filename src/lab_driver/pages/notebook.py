"""A notebook open in JupyterLab."""

from __future__ import annotations

import contextlib
from urllib.parse import unquote, urlsplit

from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from lab_driver.pages.workbench import WorkbenchPage

VISIBLE = """
return Array.from(document.querySelectorAll(arguments[0]))
    .filter((element) => element.offsetParent !== null)
    .map((element) => element.innerText.trim());
"""


class NotebookPage(WorkbenchPage):
    """A notebook: its cells and its kernel."""

    _cells = (By.CSS_SELECTOR, ".jp-Notebook .jp-Cell")
    _front = (
        By.CSS_SELECTOR,
        "#jp-main-dock-panel .lm-TabBar-tab.lm-mod-current .lm-TabBar-tabLabel",
    )
    _kernel = (By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator")
    _prompts = (By.CSS_SELECTOR, ".jp-Notebook .jp-InputPrompt")
    _unsaved = (By.CSS_SELECTOR, ".lm-TabBar-tab.lm-mod-current.jp-mod-dirty")

    @property
    def there(self) -> bool:
        """The cells are drawn, of this notebook: one from before may stay in front for a moment."""
        return (
            super().there
            and any(tab.text.strip() == self.name for tab in self.find_all(self._front))
            and len(self.find_all(self._cells)) > 3
        )

    @property
    def name(self) -> str:
        """The notebook's file name, which its tab bears."""
        return unquote(urlsplit(self.url).path).rpartition("/")[2]

    @property
    def idle(self) -> bool:
        """The kernel of the notebook in front runs and has nothing to do."""
        return any(
            mark.get_attribute("data-status") == "idle"
            for mark in self.find_all(self._kernel)
            if mark.is_displayed()
        )

    @property
    def prompts(self) -> list[str]:
        """What stands before the cells in front: ``[ ]:``, ``[*]:`` or ``[3]:``."""
        return [text for text in self.browser.execute_script(VISIBLE, self._prompts[1]) if text]

    def run_all(self, timeout: float) -> NotebookPage:
        """Run every cell by the menu, wait ``timeout`` seconds for the last, and save.

        The page shows its last cells while they run; one that is still to run says ``[*]``, also
        in the moments between two cells in which the kernel is idle.
        """
        self.wait(lambda: self.idle, "the notebook's kernel")
        self.wait(self._run_on, "the last cell to end", timeout=timeout)
        return self.save()

    def _run_on(self) -> bool:
        """Ask for the cells if none has begun; tell whether all have ended."""
        marks = [prompt.strip("[]: ") for prompt in self.prompts]
        begun = any(mark.isdigit() for mark in marks)
        if self.idle and not begun:
            # A kernel that has only just started lets go of what it is asked in its first moments;
            # its cells then wait ([*]) beside an idle kernel, or are as they were ([ ]).
            self.choose("Run", "runmenu:run-all")
            with contextlib.suppress(TimeoutException):
                self.wait(lambda: not self.idle, "a cell to begin", timeout=10)
        return begun and "*" not in marks and self.idle

    def save(self) -> NotebookPage:
        """Save what is open, by the keyboard."""
        self.find((By.TAG_NAME, "body")).send_keys(Keys.CONTROL, "s")
        self.wait(lambda: not self.find_all(self._unsaved), "the notebook to be saved")
        return self
