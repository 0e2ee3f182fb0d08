"""The pipelines page: the list of runs and a run."""

from __future__ import annotations

from selenium.webdriver.common.by import By

from lab_driver.pages.base import Page


class RunsPage(Page):
    """The list of runs."""

    _list = (By.CSS_SELECTOR, "main table.list")
    _runs = (By.CSS_SELECTOR, "main table.list tbody a[href*='/runs/']")

    @property
    def there(self) -> bool:
        """The table is drawn."""
        return self.shown(self._list)

    def open_newest(self) -> RunPage:
        """Open the first run of the list."""
        self.wait(lambda: self.find_all(self._runs), "a run in the list")
        link = self.find_all(self._runs)[0]
        page = RunPage(self.browser, str(link.get_attribute("href")))
        return page.open()


class RunPage(Page):
    """One run: its graph, a step's panel, its output."""

    _headline = (By.CSS_SELECTOR, "#head h1")
    _graph = (By.CSS_SELECTOR, "[data-canvas] svg")
    _steps = (By.CSS_SELECTOR, "[data-canvas] svg a")
    _panel = (By.CSS_SELECTOR, "#panel.card")
    _results = (By.ID, "results")

    @property
    def there(self) -> bool:
        """The head is drawn."""
        return self.shown(self._headline)

    @property
    def steps(self) -> int:
        """How many steps the graph shows."""
        self.wait(lambda: self.shown(self._graph), "the graph")
        return len(self.find_all(self._steps))

    def open_step(self, position: int) -> RunPage:
        """Open the panel of a step, by its place in the graph."""
        # WebDriver does not click links inside an SVG reliably; the event is what the page hears.
        click = (
            "arguments[0].dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))"
        )
        self.browser.execute_script(click, self.find_all(self._steps)[position])
        self.wait(lambda: self.shown(self._panel), "the step's panel")
        return self

    def open_output(self) -> RunPage:
        """Open what the run put out."""
        output = RunPage(self.browser, f"{self.url.split('?')[0]}?view=output")
        output.load()
        output.wait(lambda: output.shown(self._results), "the run's output")
        return output
