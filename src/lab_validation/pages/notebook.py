"""A notebook open in JupyterLab."""

from __future__ import annotations

import contextlib

from selenium.common.exceptions import TimeoutException
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
    def prompts(self) -> list[str]:
        """What stands before the cells that are drawn: ``[ ]``, ``[*]`` or ``[3]``."""
        return [prompt.text for prompt in self.find_all(self._prompts) if prompt.text]

    def run_all(self, timeout: float) -> NotebookPage:
        """Run every cell by the menu, wait ``timeout`` seconds for the last, and save.

        The page shows its last cells while they run; one that is still to run says ``[*]``, also
        in the moments between two cells in which the kernel is idle.
        """
        self.wait(lambda: self.idle, "the notebook's kernel")
        # A kernel that has only just started lets go of what it is asked in its first moments.
        self.wait(self._start, "the first cell to run", timeout=90)
        self.wait(self._has_run, "the last cell to end", timeout=timeout)
        return self.save()

    def _start(self) -> bool:
        if self._works():
            return True
        self.choose("Run", "runmenu:run-all")
        with contextlib.suppress(TimeoutException):
            self.wait(self._works, "a cell to begin", timeout=10)
        return self._works()

    def _works(self) -> bool:
        # [*] beside an idle kernel is a request that was lost.
        marks = [prompt.strip("[]: ") for prompt in self.prompts]
        return any(mark.isdigit() for mark in marks) or ("*" in marks and not self.idle)

    def _has_run(self) -> bool:
        return self.idle and self._works() and not any("*" in prompt for prompt in self.prompts)

    def save(self) -> NotebookPage:
        """Save what is open, by the keyboard."""
        self.find((By.TAG_NAME, "body")).send_keys(Keys.CONTROL, "s")
        self.wait(lambda: not self.find_all(self._unsaved), "the notebook to be saved")
        return self
