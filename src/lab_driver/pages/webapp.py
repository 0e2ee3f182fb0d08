"""The page on which a learner draws a digit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from lab_driver.pages.base import Page

# Share of the canvas that a 28 × 28 picture fills, so that no stroke begins on the edge.
FILL = 0.8
SIDE = 28
DONE = ("answered", "failed")


class DrawingPage(Page):
    """Draw, predict, clear, and read the answer."""

    _canvas = (By.ID, "canvas")
    _predict = (By.ID, "predict")
    _undo = (By.ID, "undo")
    _clear = (By.ID, "clear")
    _result = (By.ID, "result")
    _digit = (By.ID, "digit")
    _confidence = (By.ID, "confidence")
    _time = (By.ID, "time")
    _status = (By.ID, "status")
    _failure = (By.ID, "failure")
    _function = (By.ID, "function")
    _seen = (By.ID, "seen")
    _stopped = (By.ID, "stopped")
    _pen = (By.ID, "pen")
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
            self.wait(lambda: self.drawing_is_empty, "the canvas to be empty")
        return self

    def undo(self) -> DrawingPage:
        """Take the last stroke back."""
        self.find(self._undo).click()
        return self

    def draw(
        self, strokes: Sequence[Sequence[tuple[float, float]]], pointer: str = "mouse"
    ) -> DrawingPage:
        """Draw strokes given as (row, column) of a 28 × 28 picture.

        ``pointer`` is what draws: ``mouse``, ``touch`` or ``pen``.
        """
        canvas = self.find(self._canvas)
        scale = min(canvas.size["width"], canvas.size["height"]) * FILL / SIDE
        device = PointerInput(pointer, f"drawing {pointer}")
        builder = ActionBuilder(self.browser, mouse=device, duration=4)
        hand = builder.pointer_action
        for stroke in strokes:
            places = [
                (round((column - SIDE / 2 + 0.5) * scale), round((row - SIDE / 2 + 0.5) * scale))
                for row, column in stroke
            ]
            hand.move_to(canvas, *places[0])
            hand.pointer_down()
            for place in places[1:]:
                hand.move_to(canvas, *place)
            hand.pointer_up()
        builder.perform()
        self.wait(lambda: not self.drawing_is_empty, "the drawing to be taken")
        return self

    def press_keys(self, *keys: str) -> DrawingPage:
        """Type into the drawing area."""
        self.browser.execute_script("arguments[0].focus()", self.find(self._canvas))
        return self.press(*keys)

    def press(self, *keys: str) -> DrawingPage:
        """Type into whatever has the focus."""
        actions = ActionChains(self.browser, duration=0)
        for key in keys:
            actions.send_keys(key)
        actions.perform()
        return self

    def tab(self) -> str:
        """Move the focus on, and return the id (else the tag) of what has it then."""
        self.press(Keys.TAB)
        return self.focused

    def ask(self) -> DrawingPage:
        """Press Predict and do not wait."""
        self.find(self._predict).click()
        return self

    def predict(self, timeout: float = 60) -> DrawingPage:
        """Ask for the answer and wait for it, or for the failure that the page shows."""
        return self.ask().wait_for_answer(timeout)

    def wait_for_answer(self, timeout: float = 60) -> DrawingPage:
        """Wait until the page has answered or failed."""
        self.wait(lambda: self.state in DONE and not self.is_asking, "an answer", timeout)
        return self

    def wait_for_stop(self, timeout: float = 10) -> str:
        """Wait for the notice of a page whose script does not run, and return it."""
        self.wait(lambda: self.shown(self._stopped), "the notice", timeout)
        return str(self.find(self._stopped).text)

    @property
    def stopped(self) -> bool:
        """Tell whether the page says that it has not started."""
        return self.shown(self._stopped)

    @property
    def drawing_is_empty(self) -> bool:
        """Tell whether there is nothing to predict."""
        return not self.find(self._predict).is_enabled()

    @property
    def is_asking(self) -> bool:
        """Tell whether an answer is on its way."""
        button = self.find(self._predict)
        return bool(button.is_enabled()) and button.get_attribute("aria-disabled") == "true"

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
        # Not what is seen of it: it appears in the course of a moment.
        return int(self.find(self._digit).get_attribute("textContent"))

    @property
    def answer_is_in_view(self) -> bool:
        """Tell whether the digit can be seen without scrolling."""
        script = """const {top, bottom} = arguments[0].getBoundingClientRect();
            return top >= 0 && bottom <= document.documentElement.clientHeight;"""
        return bool(self._run(script, self.find(self._digit)))

    @property
    def confidence(self) -> str:
        """The sentence below the digit."""
        return str(self.find(self._confidence).text)

    @property
    def time(self) -> str:
        """How long the answer took, in words."""
        return str(self.find(self._time).text)

    @property
    def status(self) -> str:
        """What a screen reader was told last."""
        return str(self.find(self._status).get_attribute("textContent"))

    @property
    def failure(self) -> str:
        """The failure that the page shows, empty for none."""
        return str(self.find(self._failure).text)

    @property
    def failure_code(self) -> str:
        """The failure's short name."""
        return str(self.find(self._failure).get_attribute("data-code"))

    @property
    def function(self) -> str:
        """What the page says of the function: ``ready``, ``starting``, ``down``."""
        return str(self.find(self._function).get_attribute("data-state"))

    @property
    def probabilities(self) -> int:
        """How many digits the chart shows."""
        return len(self.find_all(self._bars))

    @property
    def chart(self) -> dict[str, str]:
        """The chart as it is read: a digit and how likely it is."""
        return dict(row.text.split(maxsplit=1) for row in self.find_all(self._bars))

    @property
    def seen(self) -> str:
        """What is read of the picture that the model saw."""
        return str(self.find(self._seen).get_attribute("aria-label"))

    @property
    def seen_ink(self) -> int:
        """How many of the picture's 784 pixels are lit."""
        script = """const context = arguments[0].getContext("2d");
            const data = context.getImageData(0, 0, 28, 28).data;
            return data.filter((value, index) => index % 4 === 0 && value > 127).length;"""
        return int(self._run(script, self.find(self._seen)))

    @property
    def ink_at_pen(self) -> bool:
        """Tell whether the keyboard's pen stands on ink."""
        script = """const canvas = arguments[0], pen = document.getElementById("pen");
            const at = (name) => Math.round(parseFloat(pen.style[name]) / 100 * canvas.width);
            return canvas.getContext("2d").getImageData(at("left"), at("top"), 1, 1).data[3] > 127;
        """
        return bool(self._run(script, self.find(self._canvas)))

    @property
    def pen_is_shown(self) -> bool:
        """Tell whether the keyboard's pen can be seen."""
        return self.shown(self._pen)

    @property
    def focused(self) -> str:
        """Id of what has the focus, its tag where it has none."""
        script = "const it = document.activeElement; return it.id || it.className || it.localName"
        return str(self._run(script))

    @property
    def focus_ring(self) -> float:
        """Width in pixels of the outline around what has the focus; 0 for none."""
        script = """const style = getComputedStyle(document.activeElement);
            return style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);"""
        return float(self._run(script))

    @property
    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        script = "const r = document.scrollingElement; return r.scrollWidth - r.clientWidth"
        return int(self._run(script))

    @property
    def scrolled(self) -> int:
        """How many pixels the page is scrolled down."""
        return int(self._run("return Math.round(scrollY)"))

    def _run(self, script: str, *arguments: Any) -> Any:
        return self.browser.execute_script(script, *arguments)
