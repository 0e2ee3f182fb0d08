"""The prediction: real test digits, drawn and sent, are recognised."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable

import numpy as np
import pytest
import requests
from PIL import Image
from selenium.webdriver.remote.webdriver import WebDriver

from lab_driver.access import Access
from lab_driver.pages.webapp import DrawingPage
from lab_driver.strokes import smooth, strokes_of

pytestmark = pytest.mark.prediction
SENT = 200
# A drawing is cut out and centred anew, so a few digits in a hundred may change sides.
TOLERANCE = 0.02


def as_drawing(image: np.ndarray) -> str:
    """A test image as a learner's canvas would send it: dark ink on white, 280 × 280."""
    picture = io.BytesIO()
    Image.fromarray(255 - image).resize((280, 280), Image.Resampling.BICUBIC).save(picture, "PNG")
    return "data:image/png;base64," + base64.b64encode(picture.getvalue()).decode()


def sentence_of(answer: requests.Response) -> str:
    """What the page says of a failure."""
    try:
        error = answer.json()["error"]
    except (ValueError, KeyError):
        return f"the page answered {answer.status_code}: {answer.text[:200]}"
    return f"{error['message']} {error['cause']} {error['remedy']}".strip()


@pytest.mark.parametrize("digit", range(10))
def test_drawn_digit_is_recognised(
    browser: WebDriver, access: Access, clear_digits: dict, digit: int,
    keep_screenshot: Callable[[str], None],
) -> None:  # fmt: skip
    """A clear digit, drawn with the pen, is recognised."""
    page = DrawingPage(browser, access.get("webapp.url"))
    page.open().clear().draw(smooth(strokes_of(clear_digits[digit]))).predict()
    keep_screenshot(f"digit-{digit}")
    assert page.answer == digit
    assert page.probabilities == 10


def test_accuracy_through_the_page(
    anyone: requests.Session, ask_model: Callable[[np.ndarray], np.ndarray], access: Access,
    test_digits,
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    """Two hundred test images through the page are recognised about as well as by the model."""
    images, labels = test_digits[0][:SENT], test_digits[1][:SENT]
    own = float(np.mean(np.argmax(ask_model(images), axis=1) == labels))
    url = f"{access.get('webapp.url')}/api/predict"
    hits, times = 0, []
    for image, label in zip(images, labels, strict=True):
        began = time.perf_counter()
        answer = anyone.post(url, json={"image": as_drawing(image)}, timeout=70)
        times.append(time.perf_counter() - began)
        assert answer.status_code == 200, sentence_of(answer)
        hits += answer.json()["digit"] == label
    accuracy = hits / SENT
    record_property("accuracy", accuracy)
    record_property("measure:Prediction, median (ms)", 1000 * float(np.median(times)))
    assert accuracy >= own - TOLERANCE, (
        f"through the page {accuracy:.3f}, by the model itself {own:.3f}"
    )
