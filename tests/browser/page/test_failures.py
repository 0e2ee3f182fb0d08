"""Every failure is an alert with what, why and what to do; the page can be used again after it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab_driver.pages.webapp import DrawingPage

from .browser import Chromium
from .processes import Server
from .strokes import SEVEN

Pull = Callable[[str], None]
Keep = Callable[[str], None]

# What goes wrong, the failure's code, and words of its message, cause and remedy.
FAULTS = [
    ("token_missing", "token_missing", ["no token", "Secret model-mesh is not there", "Configure"]),
    ("token_refused", "token_refused", ["refused", "answered 401", "Secret model-mesh anew"]),
    ("token_forbidden", "token_forbidden", ["may not", "get services", "ClusterRole view"]),
    ("model_not_deployed", "model_not_deployed",
     ["The model mnist is not deployed.", "Model mnist is not there", "Deploy the model"]),
    ("model_failed", "model_failed", ["could not answer", "out of memory", "log"]),
    ("model_timeout", "model_timeout", ["in time", "No reply", "pods"]),
    ("model_server_down", "model_server_down", ["does not answer", "Connection refused", "pods"]),
    ("model_certificate_refused", "model_certificate_refused",
     ["not trusted", "self-signed certificate", "service CA"]),
    ("model_reply_unknown", "model_reply_unknown", ["understood", "not JSON", "MODEL_URL"]),
    ("model_input_unknown", "model_input_unknown", ["not one this page", "[-1, 784]", "onnx"]),
    ("late", "function_timeout", ["did not start in time", "within 4 s", "pods"]),
    ("html", "function_down", ["cannot answer", "It works!", "oc get ksvc"]),
    ("no pod", "function_down", ["cannot answer", "no pod became ready", "oc get ksvc"]),
    ("strange", "function_reply_unknown", ["understood", "how likely", "oc apply -k ./inference/"]),
]  # fmt: skip


def assert_failed(page: DrawingPage, code: str, words: list[str]) -> None:
    assert (page.state, page.failure_code) == ("failed", code)
    for word in words:
        assert word in page.failure
    assert page.confidence == "No answer."
    assert set(page.chart.values()) == {"–"}
    assert "undefined" not in page.failure
    assert "null" not in page.failure


@pytest.mark.parametrize(("fault", "code", "words"), FAULTS, ids=[case[0] for case in FAULTS])
def test_failure_says_what_why_and_what_to_do(
    page: DrawingPage, pull: Pull, keep: Keep, fault: str, code: str, words: list[str]
) -> None:
    pull(fault)
    page.draw(SEVEN).predict(15)
    assert_failed(page, code, words)
    keep(f"failure-{fault.replace(' ', '-')}")
    pull("none")
    page.predict()
    assert page.answer == 7
    assert page.failure == ""


def test_function_that_is_not_there(phone: DrawingPage, function: Server, keep: Keep) -> None:
    function.stop()
    phone.draw(SEVEN, "touch").predict(15)
    assert_failed(phone, "function_down", ["cannot be reached", "oc apply -k ./inference/"])
    assert phone.function == "down"
    assert phone.overflow <= 0
    keep("phone-failure-function-down")
    function.start()
    phone.predict()
    assert phone.answer == 7


def test_page_that_is_offline(page: DrawingPage, browser: Chromium, keep: Keep) -> None:
    page.draw(SEVEN).wait(lambda: page.function == "ready", "the function to be ready")
    browser.go_offline(True)
    page.predict(15)
    assert_failed(page, "page_unreachable", ["cannot be reached", "you may be offline"])
    keep("failure-offline")
    browser.go_offline(False)
    page.predict()
    assert page.answer == 7
