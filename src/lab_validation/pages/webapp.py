"""The page on which a learner draws a digit."""

from __future__ import annotations

from collections.abc import Sequence

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By

from lab_validation.pages.base import Page

# Share of the canvas that a 28 × 28 picture fills, so that no stroke begins on the edge.
FILL = 0.8
SIDE = 28


class DrawingPage(Page):
    """Draw, predict, clear, and read the answer."""

    _canvas = (By.ID, "canvas")
    _predict = (By.ID, "predict")
    _clear = (By.ID, "clear")
    _result = (By.ID, "result")
    _digit = (By.ID, "digit")
    _failure = (By.ID, "failure")
    _bars = (By.CSS_SELECTOR, "#probabilities tbody tr")

    @property
    def there(self) -> bool:
        """The canvas is shown."""
        return self.shown(self._canvas)

    def clear(self) -> DrawingPage:
        """Empty the canvas, if there is anything on it."""
        button = self.find(self._clear)
        if button.is_enabled():
            button.click()
            self.wait(lambda: not self.find(self._predict).is_enabled(), "the canvas to be empty")
        return self

    def draw(self, strokes: Sequence[Sequence[tuple[float, float]]]) -> DrawingPage:
        """Draw strokes given as (row, column) of a 28 × 28 picture, as a mouse does."""
        canvas = self.find(self._canvas)
        scale = min(canvas.size["width"], canvas.size["height"]) * FILL / SIDE
        builder = ActionBuilder(self.browser, mouse=PointerInput("mouse", "pen"), duration=4)
        pointer = builder.pointer_action
        for stroke in strokes:
            places = [
                (round((column - SIDE / 2 + 0.5) * scale), round((row - SIDE / 2 + 0.5) * scale))
                for row, column in stroke
            ]
            pointer.move_to(canvas, *places[0])
            pointer.pointer_down()
            for place in places[1:]:
                pointer.move_to(canvas, *place)
            pointer.pointer_up()
        builder.perform()
        self.wait(lambda: self.find(self._predict).is_enabled(), "the drawing to be taken")
        return self

    def predict(self, timeout: float = 60) -> DrawingPage:
        """Ask for the answer and wait for it, or for the failure that the page shows."""
        self.find(self._predict).click()
        self.wait(lambda: self.state in ("answered", "failed"), "an answer on the page", timeout)
        return self

    def press_keys(self, *keys: str) -> DrawingPage:
        """Type into the drawing area."""
        actions = ActionChains(self.browser).move_to_element(self.find(self._canvas))
        self.browser.execute_script("arguments[0].focus()", self.find(self._canvas))
        for key in keys:
            actions.send_keys(key)
        actions.perform()
        return self

    @property
    def state(self) -> str:
        """``empty``, ``waiting``, ``answered`` or ``failed``."""
        return str(self.find(self._result).get_attribute("data-state"))

    @property
    def answer(self) -> int:
        """The digit that the page shows.

        Raises:
            LookupError: it shows none; the message has the failure that it shows instead.
        """
        if self.state != "answered":
            raise LookupError(f"the page shows no answer: {self.failure}")
        return int(self.find(self._digit).text)

    @property
    def failure(self) -> str:
        """The failure that the page shows, empty for none."""
        return str(self.find(self._failure).text)

    @property
    def probabilities(self) -> int:
        """How many digits the chart shows."""
        return len(self.find_all(self._bars))
