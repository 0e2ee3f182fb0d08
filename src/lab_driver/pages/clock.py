"""What a person at the page waits: from the click on Predict until the answer is on the screen."""

from __future__ import annotations

from lab_driver.pages.webapp import DrawingPage

# The page marks its button while it asks; the next frame shows what it found.
CLICK = """
const done = arguments[0];
const button = document.getElementById("predict");
const result = document.getElementById("result");
const began = performance.now();
const observer = new MutationObserver(() => {
  if (button.classList.contains("busy")) return;
  observer.disconnect();
  requestAnimationFrame(() => done([result.dataset.state, performance.now() - began]));
});
observer.observe(button, { attributes: true, attributeFilter: ["class"] });
button.click();
"""


def click_to_answer(page: DrawingPage) -> float:
    """Press Predict on a page with a drawing; return the milliseconds until the answer shows.

    Raises:
        RuntimeError: the page answered with a failure.
        selenium.common.exceptions.TimeoutException: no answer within the browser's script timeout.
    """
    state, milliseconds = page.browser.execute_async_script(CLICK)
    if state != "answered":
        raise RuntimeError(f"the page did not answer, it is {state}")
    return float(milliseconds)
