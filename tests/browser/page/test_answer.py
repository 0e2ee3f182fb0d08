"""What the page shows and says of an answer, and while a function starts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.keys import Keys

from lab_driver.pages.webapp import DrawingPage

from .strokes import SEVEN

Pull = Callable[[str], None]
Keep = Callable[[str], None]


def plain(text: str) -> str:
    """Spaces that do not break are spaces."""
    return text.replace("\u00a0", " ")


def test_answer_has_a_chart_a_picture_and_words_for_both(page: DrawingPage) -> None:
    page.draw(SEVEN).predict()
    chart = {digit: plain(likely) for digit, likely in page.chart.items()}
    assert list(chart) == [str(digit) for digit in range(10)]
    assert chart["7"] == "95.0 %"
    assert chart["1"] == "2.0 %"
    assert page.seen.startswith("What the model saw: your drawing, scaled and centred")
    assert page.seen_ink > 0
    assert plain(page.confidence) == "This is a seven: 95.0 % sure."
    assert page.time.startswith("Answered in ")
    assert "had to start" not in page.time


def test_answer_is_said_to_a_screen_reader(page: DrawingPage) -> None:
    page.draw(SEVEN).predict()
    assert plain(page.status).startswith("This is a seven: 95.0 % sure. Answered in")


@pytest.mark.parametrize("where", ["page", "phone"])
def test_function_that_starts_is_told(
    where: str, request: pytest.FixtureRequest, pull: Pull, keep: Keep
) -> None:
    shown: DrawingPage = request.getfixturevalue(where)
    pull("slow")
    shown.draw(SEVEN).ask()
    shown.wait(lambda: shown.state == "waiting", "the page to say that it waits")
    assert shown.function == "starting"
    assert shown.confidence.startswith("The function is starting")
    assert shown.status == shown.confidence
    keep(f"{where}-starting")
    shown.wait_for_answer(10)
    assert shown.answer == 7
    assert shown.function == "ready"
    assert "had to start first" in shown.time


def test_function_is_woken_by_the_first_stroke(page: DrawingPage, pull: Pull) -> None:
    pull("slow")
    page.draw(SEVEN)
    page.wait(lambda: page.function == "starting", "the function to start")
    page.wait(lambda: page.function == "ready", "the function to be ready")
    assert page.state == "empty"


def test_focus_stays_while_the_page_asks(page: DrawingPage, pull: Pull) -> None:
    page.draw(SEVEN)
    pull("slow")
    page.press_keys()
    assert page.tab() == "predict"
    page.press(Keys.ENTER)
    page.wait(lambda: page.is_asking, "the page to ask")
    assert page.focused == "predict"
    page.press(Keys.ENTER).wait_for_answer(10)
    assert page.focused == "predict"
