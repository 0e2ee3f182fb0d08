"""The benchmark's clock: what a person waits from the click until the answer is on the screen."""

from __future__ import annotations

import pytest

from lab_driver.pages.clock import click_to_answer
from lab_driver.pages.webapp import DrawingPage

from .conftest import Pull

SEVEN = [[(5.0, 7.0), (5.0, 20.0), (14.0, 15.0), (23.0, 12.0)]]


def test_each_click_is_timed(page: DrawingPage) -> None:
    page.draw(SEVEN)
    waited = [click_to_answer(page) for _ in range(3)]
    assert all(0 < milliseconds < 10_000 for milliseconds in waited)
    assert page.state == "answered"


def test_a_failure_is_no_answer(page: DrawingPage, pull: Pull) -> None:
    page.draw(SEVEN)
    click_to_answer(page)
    pull("model_failed")
    with pytest.raises(RuntimeError, match="it is failed"):
        click_to_answer(page)
