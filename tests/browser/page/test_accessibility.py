"""Rules of accessibility in every state, light and dark; the keyboard's way; sizes on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from accessibility import find_broken_rules
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from lab_driver.pages.webapp import DrawingPage

from .browser import Chromium
from .strokes import SEVEN

Pull = Callable[[str], None]
Keep = Callable[[str], None]
# A finger's width, in pixels.
FINGER = 44


@pytest.fixture
def broken_rules(browser: Chromium, rules: str) -> Callable[[], list[str]]:
    """What a checker of accessibility has to say of the page as it is now."""
    return lambda: find_broken_rules(browser.driver, rules)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", ["empty", "drawn", "waiting", "answered", "failed"])
def test_no_rule_is_broken(
    page: DrawingPage, browser: Chromium, pull: Pull, keep: Keep,
    broken_rules: Callable[[], list[str]], state: str, scheme: str,
) -> None:  # fmt: skip
    browser.prefer(scheme)
    if state == "failed":
        pull("model_not_deployed")
    if state == "waiting":
        pull("slow")
    if state != "empty":
        page.draw(SEVEN)
    if state not in ("empty", "drawn"):
        page.ask()
        page.wait(lambda: page.state == state, f"the page to be {state}")
    assert broken_rules() == []
    if scheme == "dark":
        keep(f"dark-{state}")


def test_no_rule_is_broken_on_a_phone(
    phone: DrawingPage, broken_rules: Callable[[], list[str]]
) -> None:
    phone.draw(SEVEN, "touch").predict()
    assert broken_rules() == []


def test_keyboards_way_through_the_page(page: DrawingPage) -> None:
    assert page.tab() == "skip"
    assert page.tab() == "canvas"
    assert page.tab() == "summary", "buttons that do nothing yet are passed over"
    page.draw(SEVEN).press_keys()
    assert [page.tab() for _ in range(4)] == ["predict", "undo", "clear", "summary"]


def test_focus_can_be_seen(page: DrawingPage, keep: Keep) -> None:
    page.draw(SEVEN).press_keys(Keys.ARROW_DOWN)
    rings = {page.focused: page.focus_ring}
    keep("desk-focus-canvas")
    for _ in range(4):
        rings[page.tab()] = page.focus_ring
    assert rings.keys() == {"canvas", "predict", "undo", "clear", "summary"}
    assert min(rings.values()) >= 2


def test_skip_link_leads_to_the_drawing(page: DrawingPage) -> None:
    page.tab()
    page.press(Keys.ENTER)
    assert page.focused == "canvas"


def test_focus_goes_to_the_drawing_when_its_button_ends(page: DrawingPage) -> None:
    page.draw(SEVEN).undo()
    assert page.focused == "canvas"
    page.draw(SEVEN).clear()
    assert page.focused == "canvas"


def test_buttons_are_a_fingers_width(phone: DrawingPage) -> None:
    for button in phone.find_all((By.TAG_NAME, "button")):
        size = button.size
        assert min(size["width"], size["height"]) >= FINGER, (button.text, size)


def test_nothing_runs_off_the_side_when_text_is_large(page: DrawingPage, browser: Chromium) -> None:
    """320 pixels, the width of a desk's window at 400 %."""
    browser.tell(
        "Emulation.setDeviceMetricsOverride",
        width=320, height=640, deviceScaleFactor=1, mobile=False,
    )  # fmt: skip
    page.draw(SEVEN).predict()
    assert page.overflow <= 0
