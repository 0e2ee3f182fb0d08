"""A page whose files are missing or broken still says something."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab_driver.pages.webapp import DrawingPage

from .browser import Chromium
from .strokes import SEVEN

Keep = Callable[[str], None]


@pytest.fixture
def script(files: Path) -> Iterator[Path]:
    """The page's script, which is put back."""
    path = files / "page.js"
    text = path.read_bytes()
    yield path
    path.write_bytes(text)


def open_broken(browser: Chromium) -> DrawingPage:
    page = DrawingPage(browser.driver, browser.address)
    page.load()
    return page


def test_page_that_starts_says_nothing_of_it(page: DrawingPage) -> None:
    assert not page.stopped


def test_script_that_is_missing(browser: Chromium, script: Path, keep: Keep) -> None:
    script.unlink()
    page = open_broken(browser)
    said = page.wait_for_stop()
    assert "This page has not started." in said
    assert "Load the page again" in said
    keep("failure-no-script")


@pytest.mark.parametrize("text", ["this is no script", 'throw new Error("broken")'])
def test_script_that_is_broken(browser: Chromium, script: Path, text: str) -> None:
    script.write_text(text)
    page = open_broken(browser)
    assert "Its script did not load, or failed." in page.wait_for_stop()
    assert browser.complaints(), "the browser had nothing to complain of"


def test_browser_without_scripts(browser: Chromium, keep: Keep) -> None:
    browser.tell("Emulation.setScriptExecutionDisabled", value=True)
    page = open_broken(browser)
    assert "JavaScript is switched off" in page.wait_for_stop()
    keep("failure-javascript-off")


def test_page_without_its_style_works(
    browser: Chromium, files: Path, pull: Callable[[str], None]
) -> None:
    style = files / "style.css"
    text = style.read_bytes()
    style.unlink()
    try:
        page = DrawingPage(browser.driver, browser.address).open()
        assert not page.stopped
        assert page.draw(SEVEN).predict().answer == 7
        assert all("style" in complaint for complaint in browser.complaints())
    finally:
        style.write_bytes(text)


def test_script_of_an_older_image_is_not_kept(browser: Chromium, script: Path) -> None:
    """The browser asks for the script again on each load."""
    assert not DrawingPage(browser.driver, browser.address).open().stopped
    script.write_text('document.title = "new";')
    browser.driver.get(browser.address)
    assert browser.driver.title == "new"
