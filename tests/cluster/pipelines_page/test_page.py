"""A person's way through the page, on a real server."""

from __future__ import annotations

import uuid
from pathlib import Path

import kfp
import pytest
import requests
from pipeline_project import PipelineServer
from pipelines_pages import Browser, Page, RunPage

pytestmark = pytest.mark.cluster
# A step with its pod, on a machine that has other things to do too.
POD = 180


def test_elyras_link_leads_to_the_run_even_through_the_sign_in(
    browser: Browser, server: PipelineServer, tour_id: str
) -> None:
    from lab_driver.pages.login import LoginPage, forget_sign_ins

    link = f"{server.url}/#/runs/details/{tour_id}"
    forget_sign_ins(browser.driver)
    browser.driver.get("about:blank")
    browser.driver.get(link)
    login = LoginPage(browser.driver, link)
    assert login.there
    login.log_in(server.token)
    page = Page(browser)
    page.wait_for_path(f"/runs/{tour_id}")
    assert page.heading == "tour"


def test_the_graph_lives_until_the_run_is_done(browser: Browser, tour_id: str) -> None:
    browser.open(f"/runs/{tour_id}")
    page = RunPage(browser)
    page.mark()
    page.wait(lambda: page.state_of("prepare") == "s-succeeded", POD)
    page.wait(lambda: page.state_of("count") == "s-running", POD)
    browser.screenshot("run-live")
    page.open_step("count")
    page.open_tab("Logs")
    page.wait(lambda: "counted 3" in page.log, POD)
    before = len(page.log)
    page.wait(lambda: len(page.log) > before, POD)
    browser.screenshot("run-log")
    page.wait(lambda: page.state_of("report") == "s-succeeded", POD)
    page.wait(lambda: not page.is_live, POD)
    page.wait(lambda: page.log_note == "complete", 30)
    assert page.log.count("counted 39") == 1
    assert page.is_marked
    browser.screenshot("run-done")


def test_rounds_of_the_loop(browser: Browser, tour_id: str) -> None:
    browser.open(f"/runs/{tour_id}")
    page = RunPage(browser)
    key = page.wait(lambda: next((key for key in page.keys if key.endswith("/train")), ""))
    page.open_step(key)
    page.wait_for_text("2 executions")
    page.open_tab("Input / output")
    assert "rows" in page.text


def test_metrics_and_artifacts(browser: Browser, tour_id: str) -> None:
    page = browser.open(f"/runs/{tour_id}?step=report&tab=metrics")
    page.wait_for_text("confusion matrix, 98.00% on the diagonal")
    page.wait_for_text("ROC curve, area 0.9250")
    browser.screenshot("run-metrics")
    page = browser.open(f"/runs/{tour_id}?view=output")
    browser.screenshot("run-output")
    page.click_link("page")
    shown = RunPage(browser)
    shown.wait_for_frame("ran")
    browser.driver.back()
    page.click_link("notes")
    page.wait_for_text("A bold word.")


def test_a_failed_run_says_why_and_is_retried(
    browser: Browser,
    client: kfp.Client,
    packages: dict[str, Path],
) -> None:
    started = client.create_run_from_pipeline_package(
        str(packages["failure"]), {}, run_name="failure", enable_caching=False
    )
    client.wait_for_run_completion(started.run_id, POD)
    page = browser.open(f"/runs/{started.run_id}")
    assert "Step Refuse failed." in page.text
    browser.screenshot("run-failed")
    page.click_link("Refuse")
    shown = RunPage(browser)
    shown.wait_for_log("ValueError: the data is missing")
    page.click_button("Retry the failed part")
    page.wait_for_text("The failed part runs again.")
    assert client.get_run(started.run_id).state in {"PENDING", "RUNNING"}
    page.click_button("Stop")
    page.answer_dialog("Stop")
    page.wait_for_text("Stopped", 30)


def test_upload_start_clone_compare_archive(
    browser: Browser, packages: dict[str, Path], tour_id: str
) -> None:
    name = f"tour-{uuid.uuid4().hex[:5]}"
    page = browser.open("/pipelines")
    page.find(("name", "file")).send_keys(str(packages["tour"]))
    page.fill("name", name)
    page.click_button("Upload")
    page.wait_for_text("Uploaded and checked.")
    browser.screenshot("pipeline")
    page.click_button("Start a run")
    page.wait_for_text("What will run")
    page.click_button("Start")
    page.wait_for_text("This parameter has no default: give a value.")
    browser.screenshot("form-mistakes")
    page.fill("parameter.rows", "5")
    page.fill("parameter.seconds", "0")
    page.click_button("Start")
    page.wait_for_text("The run has started.")
    made = page.path.rsplit("/", 1)[-1]
    page.click_button("Clone")
    page.wait_for_text("Run a copy")
    assert page.find(("name", "parameter.rows")).get_attribute("value") == "5"
    page = browser.open(f"/compare?run={tour_id}&run={made}")
    assert "differs" in page.text
    browser.screenshot("compare")
    page = browser.open(f"/runs/{made}")
    shown = RunPage(browser)
    shown.wait(lambda: not shown.is_live, 2 * POD)
    page.click_button("Archive")
    page.wait_for_text("Moved to the archive.")


def test_a_recurring_run_is_made_and_switched(
    browser: Browser, client: kfp.Client, packages: dict[str, Path]
) -> None:
    name = f"nightly-{uuid.uuid4().hex[:5]}"
    made = client.upload_pipeline(str(packages["failure"]), name)
    page = browser.open(f"/new-run?pipeline={made.pipeline_id}&mode=recurring")
    page.fill("name", name)
    page.driver.find_element("css selector", "[name=trigger][value=cron]").click()
    page.fill("cron", "0 0 3 * * *")
    page.click_button("Start")
    page.wait_for_text("The recurring run is set up.")
    browser.screenshot("recurring-runs")
    page.click_link(name)
    page.wait_for_text("Next start")
    page.click_button("Switch off")
    page.wait_for_text("Switched off.")
    page = browser.open("/recurring-runs")
    page.click_link(name)
    page.click_button("Delete")
    page.answer_dialog("Delete")
    page.wait_for_text("Deleted.")


def test_without_a_token_nobody_sees_anything(server: PipelineServer, tour_id: str) -> None:
    for path in ("/", "/runs", f"/runs/{tour_id}", "/pipelines"):
        answer = requests.get(
            server.url + path,
            headers={"Accept": "text/html"},
            verify=str(server.ca_certificate),
            allow_redirects=False,
            timeout=10,
        )
        assert answer.status_code in (302, 403)
        assert "tour" not in answer.text


def test_a_form_of_another_site_is_refused_by_the_real_proxy(
    server: PipelineServer, tour_id: str
) -> None:
    answer = requests.post(
        f"{server.url}/runs/{tour_id}/archive",
        headers={"Authorization": f"Bearer {server.token}", "Origin": "https://evil.example"},
        verify=str(server.ca_certificate),
        timeout=10,
    )
    assert answer.status_code == 403
