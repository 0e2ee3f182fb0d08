"""The page as a person meets it: live, by mouse, by keyboard, on a phone, when things go wrong."""

from __future__ import annotations

import pytest
from pipelines_pages import (
    DOWN,
    ENTER,
    ESCAPE,
    RIGHT,
    TAB,
    UP,
    Browser,
    Levers,
    Page,
    RunPage,
    RunsPage,
)

TRAIN = "exit-handler-1/for-loop-3/train"


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("/#/runs/details/run-1", "/runs/run-1"),
        ("/#/runs/details/run-1?x=y", "/runs/run-1"),
        ("/#/experiments/details/e-tuning", "/runs?experiment=e-tuning"),
        ("/#/pipelines/details/p-1", "/pipelines/p-1"),
        ("/#/recurringrun/details/rr-1", "/recurring-runs/rr-1"),
        ("/#/runs", "/runs"),
        ("/#/unheard/of", "/"),
    ],
)
def test_links_of_elyra_and_the_sdk_resolve(browser: Browser, link: str, path: str) -> None:
    browser.driver.get("about:blank")
    page = browser.open(link)
    page.wait(lambda: page.path == path)


def test_the_list_follows_its_runs(browser: Browser, levers: Levers) -> None:
    browser.open("/runs")
    page = RunsPage(browser)
    browser.screenshot("runs")
    assert page.state_of("run-3") == "Running"
    page.mark()
    levers.set_run("run-3", "SUCCEEDED")
    page.wait(lambda: page.state_of("run-3") == "Succeeded")
    assert page.is_marked


def test_ticks_stay_while_the_list_is_refreshed(browser: Browser, levers: Levers) -> None:
    browser.open("/runs")
    page = RunsPage(browser)
    assert not page.can_compare
    page.pick("run-1")
    levers.set_run("run-3", "FAILED")
    page.wait(lambda: page.state_of("run-3") == "Failed")
    page.pick("run-2")
    assert page.can_compare
    page.click_button("Compare two chosen runs")
    page.wait_for_path("/compare")
    assert page.heading == "Compare two runs"
    browser.screenshot("compare")


def test_filter_and_pages(browser: Browser) -> None:
    browser.open("/runs")
    page = RunsPage(browser)
    assert len(page.names) == 20
    page.click_button("Next page")
    page.wait(lambda: "nightly 30" in page.names)
    page.fill("q", "wrong key")
    page.click_button("Filter")
    page.wait(lambda: page.names == ["mnist with a wrong key"])


def test_a_step_opens_beside_the_graph_without_loading_anew(browser: Browser) -> None:
    browser.open("/runs/run-1")
    page = RunPage(browser)
    browser.screenshot("run")
    page.mark()
    page.open_step("evaluate")
    page.open_tab("Metrics")
    page.wait_for_text("confusion matrix, 98.74% on the diagonal")
    browser.screenshot("run-metrics")
    assert page.is_marked
    browser.driver.back()
    browser.driver.back()
    page.wait(lambda: page.panel_heading == "")
    assert page.is_marked
    browser.driver.forward()
    page.wait(lambda: page.panel_heading == "Evaluate")


def test_the_graph_by_keyboard(browser: Browser) -> None:
    browser.open("/runs/run-1")
    page = RunPage(browser)
    browser.driver.execute_script("document.getElementById('node-pre-process').focus()")
    page.press(DOWN)
    assert page.focused == "node-train"
    page.press(DOWN)
    page.press(RIGHT)
    assert page.focused in ("node-evaluate", "node-evaluate-2")
    page.press(UP)
    assert page.focused == "node-train"
    page.press(ENTER)
    page.wait(lambda: page.panel_heading == "Train")
    assert page.focused == "node-train"
    page.press(ESCAPE)
    page.wait(lambda: page.panel_heading == "")


def test_the_first_tab_skips_to_the_content(browser: Browser) -> None:
    page = browser.open("/runs")
    page.press(TAB)
    page.press(ENTER)
    page.wait(lambda: page.focused == "content")


def test_the_graph_lives_while_the_run_goes_on(browser: Browser, levers: Levers) -> None:
    browser.open("/runs/run-3")
    page = RunPage(browser)
    browser.screenshot("run-live")
    page.mark()
    assert page.is_live
    levers.set_task("n-4-1", "SUCCEEDED")
    page.wait(lambda: page.state_of(TRAIN) == "s-running")
    levers.set_task("n-4-2", "SUCCEEDED")
    page.wait(lambda: page.state_of(TRAIN) == "s-succeeded")
    levers.set_run("run-3", "SUCCEEDED")
    page.wait_for_text("Succeeded")
    page.wait(lambda: not page.is_live)
    assert page.is_marked


def test_focus_stays_on_a_step_that_is_redrawn(browser: Browser, levers: Levers) -> None:
    browser.open("/runs/run-3")
    page = RunPage(browser)
    browser.driver.execute_script(f"document.getElementById('node-{TRAIN}').focus()")
    levers.set_task("n-4-1", "SUCCEEDED")
    page.wait(lambda: page.state_of(TRAIN) == "s-running")
    assert page.focused == f"node-{TRAIN}"


def test_what_a_person_is_about_to_use_is_not_exchanged(browser: Browser, levers: Levers) -> None:
    """A click or an open list must not be cut off by a refresh: the elements stay the same."""
    browser.open(f"/runs/run-3?step={TRAIN}&task=n-4-2&tab=logs")
    page = RunPage(browser)
    kept = ("follow", f"node-{TRAIN}", "tab-details")
    for name in kept:
        browser.driver.execute_script(f"document.getElementById('{name}').own = true")
    levers.set_task("n-4-1", "SUCCEEDED")
    page.wait(lambda: page.state_of(TRAIN) == "s-running")
    for name in kept:
        script = f"return document.getElementById('{name}').own === true"
        assert browser.driver.execute_script(script), name


def test_the_log_is_followed_to_its_end(browser: Browser, levers: Levers) -> None:
    levers.write_log("n-4-2", "".join(f"line {number}\n" for number in range(200)))
    browser.open(f"/runs/run-3?step={TRAIN}&task=n-4-2&tab=logs")
    page = RunPage(browser)
    page.wait(lambda: page.log.endswith("line 199\n") and page.log_is_at_end)
    levers.write_log("n-4-2", "a new line\n")
    page.wait(lambda: page.log.endswith("a new line\n") and page.log_is_at_end)
    browser.screenshot("run-log")
    page.follow(False)
    page.scroll_log_to_top()
    levers.write_log("n-4-2", "unread\n")
    page.wait(lambda: page.log.endswith("unread\n"))
    assert not page.log_is_at_end
    levers.end_log("n-4-2")
    page.wait(lambda: page.log_note == "complete")
    assert page.log.count("a new line") == 1


def test_mistakes_in_the_form_are_shown_and_can_be_put_right(browser: Browser) -> None:
    page = browser.open("/new-run?pipeline=p-1")
    page.fill("parameter.epochs", "many")
    page.fill("parameter.layers", "[1")
    page.click_button("Start")
    page.wait_for_text("Please look at the fields marked below.")
    page.wait(lambda: page.focused == "alarm")
    assert "A whole number is wanted, not “many”." in page.text
    browser.screenshot("form-mistakes")
    page.fill("parameter.epochs", "2")
    page.fill("parameter.layers", "[8]")
    page.click_button("Start")
    page.wait_for_path("/runs/")
    assert "The run has started." in page.text
    assert "notice" not in page.path


def test_a_schedule_is_only_asked_for_when_wanted(browser: Browser) -> None:
    page = browser.open("/new-run?pipeline=p-1")
    assert "By cron" not in page.text
    browser.driver.execute_script("document.getElementById('mode-recurring').click()")
    assert "By cron" in page.text
    browser.screenshot("form")


def test_stopping_asks_first(browser: Browser, levers: Levers) -> None:
    page = browser.open("/runs/run-3")
    page.click_button("Stop")
    browser.screenshot("stop")
    page.answer_dialog("Cancel")
    assert page.path == "/runs/run-3"
    assert "Running" in page.text
    page.click_button("Stop")
    page.answer_dialog("Stop")
    page.wait_for_text("Stopping the run.")
    levers.set_run("run-3", "CANCELED")
    page.wait_for_text("Stopped")


def test_retry_archive_restore_and_delete(browser: Browser) -> None:
    page = browser.open("/runs/run-2")
    browser.screenshot("run-failed")
    page.click_button("Archive")
    page.wait_for_text("Moved to the archive.")
    page.click_button("Restore")
    page.wait_for_text("Taken out of the archive.")
    page.click_button("Archive")
    page.wait_for_text("Moved to the archive.")
    page.click_button("Delete")
    page.answer_dialog("Delete")
    page.wait_for_text("The archive is empty")


def test_what_a_step_wrote_cannot_touch_the_page(browser: Browser) -> None:
    browser.open("/runs/run-1/artifacts/a-report/view")
    page = RunPage(browser)
    title = browser.driver.title
    page.wait(lambda: page.inside_frame("return document.title") == "ran")
    assert page.inside_frame("return window.origin") == "null"
    assert browser.driver.title == title
    reach = "try { return parent.document.title } catch (error) { return error.name }"
    assert page.inside_frame(reach) == "SecurityError"
    ask = "return fetch('/runs').then(() => 'answered', () => 'refused')"
    assert page.inside_frame(ask) == "refused"
    browser.forget_messages()


def test_a_notebook_is_read_like_a_page(browser: Browser) -> None:
    browser.open("/runs/run-1/artifacts/file/mnist-0302/Review.ipynb/view")
    page = RunPage(browser)
    page.wait(
        lambda: page.inside_frame("return document.querySelector('h1').innerText") == "Review"
    )
    browser.screenshot("notebook")


def test_run_output_and_details(browser: Browser) -> None:
    page = browser.open("/runs/run-1?view=output")
    assert "Review.ipynb" in page.text
    browser.screenshot("run-output")
    page.click_link("Details")
    page.wait_for_text("Pipeline specification")
    browser.screenshot("run-details")


def test_the_catalogue(browser: Browser) -> None:
    for path, name in (
        ("/pipelines", "pipelines"),
        ("/pipelines/p-2", "pipeline"),
        ("/experiments", "experiments"),
        ("/recurring-runs", "recurring-runs"),
    ):
        browser.open(path)
        browser.screenshot(name)
    page = Page(browser)
    page.click_button("Switch off")
    page.wait_for_text("Switched off.")
    assert page.text.count("Switch on") == 2


def test_a_server_that_goes_away_is_noticed_and_welcomed_back(
    browser: Browser, levers: Levers
) -> None:
    page = browser.open("/runs/run-3")
    page.mark()
    levers.go_away(True)
    page.wait(lambda: page.says_server_is_lost)
    levers.go_away(False)
    page.wait(lambda: not page.says_server_is_lost)
    assert page.is_marked
    browser.forget_messages()


@pytest.mark.parametrize(
    "path",
    [
        "/runs",
        "/runs/run-1?step=evaluate&tab=metrics",
        f"/runs/run-3?step={TRAIN}&tab=logs",
        "/runs/run-held-up?step=train",
        "/runs/run-1?view=output",
        "/compare?run=run-1&run=run-2",
        "/pipelines/p-2",
        "/new-run?pipeline=p-1&mode=recurring",
        "/recurring-runs",
    ],
)
def test_on_a_phone_nothing_runs_off_the_side(browser: Browser, path: str) -> None:
    browser.resize(390, 844)
    try:
        page = browser.open(path)
        assert page.overflow <= 0
        if path.startswith(("/runs/run-1?step", "/runs?", "/runs")):
            name = "".join(c if c.isalnum() else "-" for c in path)[:28].strip("-")
            browser.screenshot(f"phone-{name}")
    finally:
        browser.unresize()


def test_in_the_dark(browser: Browser) -> None:
    browser.prefer("dark")
    try:
        for path, name in (
            ("/runs", "runs"),
            ("/runs/run-1?step=evaluate&tab=metrics", "run-metrics"),
            (f"/runs/run-3?step={TRAIN}&task=n-4-2&tab=logs", "run-log"),
        ):
            page = browser.open(path)
            browser.screenshot(f"dark-{name}")
            ground = browser.driver.execute_script(
                "return getComputedStyle(document.documentElement).backgroundColor"
            )
            assert ground == "rgb(13, 18, 32)"
            assert page.heading
    finally:
        browser.prefer("")


def test_without_scripts_everything_is_still_there(browser: Browser) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.driver.get(f"{browser.address}/runs/run-1?step=evaluate&tab=metrics")
        source = browser.driver.page_source
        assert "confusion matrix" in source
        assert "Times are UTC." in source
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
