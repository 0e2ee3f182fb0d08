"""A digit drawn by mouse, pen, finger and keyboard; Predict, Undo and Clear."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from selenium.webdriver.common.keys import Keys

from lab_driver.pages.webapp import DrawingPage

from .strokes import BAR, SEVEN, SEVEN_BY_KEYS

Keep = Callable[[str], None]


@pytest.mark.parametrize("pointer", ["mouse", "pen"])
def test_digit_drawn_at_a_desk(page: DrawingPage, keep: Keep, pointer: str) -> None:
    page.draw(SEVEN, pointer).predict()
    assert page.answer == 7
    assert 40 < page.seen_ink < 250
    keep(f"desk-{pointer}")


def test_digit_drawn_by_a_finger_on_a_phone(phone: DrawingPage, keep: Keep) -> None:
    assert phone.overflow <= 0
    keep("phone-empty")
    phone.draw(SEVEN, "touch")
    assert phone.scrolled == 0, "the finger moved the page instead of the pen"
    phone.predict()
    assert phone.answer == 7
    assert phone.answer_is_in_view
    assert 40 < phone.seen_ink < 250
    assert phone.overflow <= 0
    keep("phone-answer")


def test_digit_drawn_by_keyboard(page: DrawingPage, keep: Keep) -> None:
    page.press_keys(*SEVEN_BY_KEYS)
    assert page.status == "Pen up."
    keep("desk-keyboard")
    page.press(Keys.ENTER).wait_for_answer()
    assert page.answer == 7
    assert 40 < page.seen_ink < 250


def test_ink_follows_the_keyboards_pen(page: DrawingPage) -> None:
    page.press_keys(Keys.ARROW_DOWN)
    assert page.pen_is_shown
    assert not page.ink_at_pen
    for key in (Keys.SPACE, Keys.ARROW_DOWN, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.SPACE):
        page.press(key)
        assert page.ink_at_pen
    page.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert not page.ink_at_pen, "the pen was lifted"


def test_keyboard_undoes_and_clears(page: DrawingPage) -> None:
    page.press_keys(Keys.SPACE, Keys.ARROW_DOWN)
    assert page.status == "Pen down."
    page.press(Keys.BACKSPACE)
    assert page.drawing_is_empty
    assert page.status == "Stroke removed."
    page.press(Keys.ENTER)
    assert page.status == "Nothing is drawn yet."
    page.press(Keys.SPACE, Keys.ARROW_DOWN, Keys.DELETE)
    assert page.drawing_is_empty
    assert page.status == "The drawing is empty."


def test_clear_takes_drawing_and_answer_away(page: DrawingPage, keep: Keep) -> None:
    keep("desk-empty")
    page.draw(SEVEN).predict().clear()
    assert page.state == "empty"
    assert page.seen == "What the model saw: nothing yet"
    assert page.seen_ink == 0
    assert set(page.chart.values()) == {"–"}
    assert page.time == ""


@pytest.mark.parametrize("pointer", ["mouse", "touch", "pen"])
def test_new_stroke_takes_the_old_answer_away(page: DrawingPage, pointer: str) -> None:
    page.draw(SEVEN).predict()
    page.draw(BAR, pointer)
    assert page.state == "empty"
    assert page.seen_ink == 0


def test_keyboards_stroke_and_undo_take_the_old_answer_away(page: DrawingPage) -> None:
    page.draw(SEVEN).predict()
    page.press_keys(Keys.SPACE)
    assert page.state == "empty"
    page.press(Keys.ENTER).wait_for_answer()
    page.press(Keys.ARROW_DOWN)
    assert page.state == "empty", "the pen was still down and drew on"
    page.press(Keys.ENTER).wait_for_answer().undo()
    assert page.state == "empty"


def test_new_stroke_takes_a_failure_away(page: DrawingPage, pull: Callable[[str], None]) -> None:
    pull("model_failed")
    page.draw(SEVEN).predict()
    assert page.state == "failed"
    page.draw(BAR)
    assert page.state == "empty"
    assert page.failure == ""


def test_answer_to_an_older_drawing_is_not_shown(
    page: DrawingPage, pull: Callable[[str], None]
) -> None:
    pull("slow")
    page.draw(SEVEN).ask().draw(BAR)
    page.wait(lambda: not page.is_asking, "the late answer")
    assert page.state == "empty"
    assert page.confidence == "The drawing has changed meanwhile. Press Predict again."
