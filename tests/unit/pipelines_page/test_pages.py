"""Every page and every form, as a browser without scripts sees them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
import yaml
from fastapi.testclient import TestClient

from pipeline_server.database import models
from pipeline_server.errors import NotFoundError
from pipeline_server.services.listing import ListRequest

from . import sample_pipelines
from .sample_lab import FOLDER, LOG, NOTEBOOK, PICTURE, TABLE, UNSCHEDULABLE, Lab

PAGES = [
    "/",
    "/runs",
    "/runs?state=FAILED&q=wrong&experiment=e-default",
    "/runs?archived=1",
    "/runs?q=%3Cscript%3Ealert(1)%3C/script%3E",
    "/runs/run-1",
    "/runs/run-1?step=train&tab=logs",
    "/runs/run-1?step=evaluate&tab=metrics",
    "/runs/run-1?step=evaluate&tab=details",
    "/runs/run-1?view=steps&step=train",
    "/runs/run-1?view=output",
    "/runs/run-1?view=details",
    "/runs/run-2",
    "/runs/run-3?step=exit-handler-1/for-loop-3/train&task=n-4-2&tab=logs",
    "/runs/run-3?step=clean-up",
    "/runs/run-held-up?step=train",
    "/runs/run-held-up?view=steps",
    "/compare?run=run-1&run=run-2",
    "/pipelines",
    "/pipelines/p-1",
    "/pipelines/p-1?version=v-1",
    "/new-run",
    "/new-run?pipeline=p-1",
    "/new-run?clone=run-1",
    "/experiments",
    "/recurring-runs",
    "/recurring-runs/rr-1",
    f"/runs/run-1/artifacts/{NOTEBOOK}/view",
    f"/runs/run-1/artifacts/{TABLE}/view",
    f"/runs/run-1/artifacts/{PICTURE}/view",
    "/runs/run-1/artifacts/a-report/view",
    "/runs/run-1/artifacts/a-classes/view",
    "/runs/run-1/artifacts/a-model/view",
    "/runs/run-1/artifacts/a-checkpoints/view",
    "/runs/run-1/artifacts/a-checkpoints/epoch%201/loss.csv/view",
]


class Checker(HTMLParser):
    """Collects what a page must not have, and the names of its controls."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.ids: list[str] = []
        self.labelled: set[str] = set()
        self.controls: list[dict[str, str | None]] = []
        self.depth_of_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "style" in given or any(name.startswith("on") for name in given):
            self.problems.append(f"<{tag}> has inline style or script")
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.problems.append(f"inline <{tag}>")
        for name in ("src", "href", "action"):
            if (given.get(name) or "").startswith(("http:", "https:", "//")):
                self.problems.append(f"<{tag}> reaches out: {given[name]}")
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "label":
            self.depth_of_label += 1
            self.labelled.add(str(given.get("for")))
        if tag in ("input", "select", "textarea") and given.get("type") != "hidden":
            named = self.depth_of_label or given.get("aria-label")
            self.controls.append({**given, "named": "yes" if named else None})
        if tag == "img" and given.get("alt") is None:
            self.problems.append("an image without alternative text")
        if tag == "iframe" and ("sandbox" not in given or not given.get("title")):
            self.problems.append("a frame without sandbox or title")

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self.depth_of_label -= 1


def runs_of(lab: Lab) -> dict[str, models.Run]:
    """All runs, by id, as the database has them."""
    page = lab.services.runs.list(ListRequest(page_size=200))
    return {run.id: run for run in page.items}


def gone(read: Callable[[], object]) -> bool:
    """Whether there is no such thing any more."""
    try:
        read()
    except NotFoundError:
        return True
    return False


@pytest.mark.parametrize("address", PAGES)
def test_every_page_is_sound(browser: TestClient, address: str) -> None:
    answer = browser.get(address)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    checker = Checker()
    checker.feed(answer.text)
    assert checker.problems == []
    assert len(checker.ids) == len(set(checker.ids)), "an id stands twice"
    nameless = [
        control
        for control in checker.controls
        if not control["named"] and control.get("id") not in checker.labelled
    ]
    assert nameless == []
    assert answer.text.count("<h1") == 1
    assert '<html lang="en">' in answer.text


def test_what_people_type_is_escaped(browser: TestClient) -> None:
    page = browser.get("/runs?q=%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in page


def test_the_list_pages_and_says_how_many(browser: TestClient, lab: Lab) -> None:
    first = browser.get("/runs?size=20").text
    assert f"{len(runs_of(lab))} in all" in first
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link
    second = browser.get(link[1].replace("&amp;", "&")).text
    names = re.compile(r'id="run-([^"]+)"')
    assert len(names.findall(first)) == 20
    assert not set(names.findall(first)) & set(names.findall(second))


def test_the_list_is_narrowed(browser: TestClient) -> None:
    page = browser.get("/runs?state=FAILED").text
    assert "mnist with a wrong key" in page
    assert "nightly" not in page
    assert "No run matches" in browser.get("/runs?q=zzz").text


def test_a_page_that_has_not_changed_is_not_sent_again(browser: TestClient) -> None:
    tag = browser.get("/pipelines").headers["etag"]
    again = browser.get("/pipelines", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_failed_run_names_its_step_and_cause(browser: TestClient) -> None:
    page = browser.get("/runs/run-2").text
    assert "SignatureDoesNotMatch" in page
    assert "Retry the failed part" in page
    assert 'action="/runs/run-2/terminate"' not in page


def test_a_running_run_can_be_stopped_and_refreshes(browser: TestClient) -> None:
    page = browser.get("/runs/run-3").text
    assert 'action="/runs/run-3/terminate"' in page
    assert 'data-live="head bar graph' in page
    assert "data-live" not in browser.get("/runs/run-1").text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("", f"Pending, {UNSCHEDULABLE}"),
        ("?step=train", f"<p>{UNSCHEDULABLE}</p>"),
        ("?view=steps", f'<span class="faint">{UNSCHEDULABLE}</span>'),
    ],
)
def test_what_holds_a_step_up_is_on_the_run_the_step_and_the_list(
    browser: TestClient, address: str, shown: str
) -> None:
    page = browser.get(f"/runs/run-held-up{address}").text
    told = f"Train</a> waits.</strong> {UNSCHEDULABLE}"
    assert told in page
    elsewhere = page.replace(told, "")
    assert shown in elsewhere


def run_of(lab: Lab, identifier: str) -> models.Run:
    return lab.services.runs.get(identifier)


def experiment_of(lab: Lab, identifier: str) -> models.Experiment:
    return lab.services.experiments.get(identifier)


def schedule_of(lab: Lab, identifier: str) -> models.RecurringRun:
    return lab.services.recurring_runs.get(identifier)


@pytest.mark.parametrize(
    ("action", "done"),
    [
        ("/runs/run-3/terminate", lambda lab: run_of(lab, "run-3").state == "CANCELING"),
        ("/runs/run-2/retry", lambda lab: run_of(lab, "run-2").state == "RUNNING"),
        ("/runs/run-1/archive", lambda lab: run_of(lab, "run-1").storage_state == "ARCHIVED"),
        ("/runs/run-4/unarchive", lambda lab: run_of(lab, "run-4").storage_state == "AVAILABLE"),
        ("/runs/run-1/delete", lambda lab: gone(lambda: run_of(lab, "run-1"))),
        ("/pipelines/p-2/delete", lambda lab: gone(lambda: lab.services.pipelines.get("p-2"))),
        (
            "/experiments/e-tuning/archive",
            lambda lab: experiment_of(lab, "e-tuning").storage_state == "ARCHIVED",
        ),
        (
            "/experiments/e-done/unarchive",
            lambda lab: experiment_of(lab, "e-done").storage_state == "AVAILABLE",
        ),
        ("/experiments/e-done/delete", lambda lab: gone(lambda: experiment_of(lab, "e-done"))),
        ("/recurring-runs/rr-1/disable", lambda lab: not schedule_of(lab, "rr-1").enabled),
        ("/recurring-runs/rr-2/enable", lambda lab: schedule_of(lab, "rr-2").enabled),
        ("/recurring-runs/rr-1/delete", lambda lab: gone(lambda: schedule_of(lab, "rr-1"))),
    ],
)
def test_every_button_acts_and_leads_on(
    browser: TestClient, lab: Lab, action: str, done: Callable[[Lab], bool]
) -> None:
    lab.change(models.Run, "run-4", storage_state="ARCHIVED")
    assert not done(lab)
    answer = browser.post(action)
    assert answer.status_code == 303
    assert done(lab)
    assert browser.get(answer.headers["location"]).status_code == 200


def test_what_cannot_be_done_is_said(browser: TestClient) -> None:
    answer = browser.post("/experiments/e-tuning/delete")
    assert answer.status_code == 400
    assert "has 1 run under way" in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://pipelines.example", "Sec-Fetch-Site": "same-site"},
        {"Origin": "http://pipelines.example.evil"},
    ],
)
def test_forms_of_other_sites_are_refused(
    browser: TestClient, lab: Lab, headers: dict[str, str]
) -> None:
    assert browser.post("/runs/run-3/terminate", headers=headers).status_code == 403
    assert run_of(lab, "run-3").state == "RUNNING"


def test_a_form_without_any_origin_is_refused(browser: TestClient, lab: Lab) -> None:
    del browser.headers["Origin"]
    assert browser.post("/runs/run-3/terminate").status_code == 403
    assert run_of(lab, "run-3").state == "RUNNING"


def test_behind_the_proxy_the_outer_host_counts(browser: TestClient, lab: Lab) -> None:
    headers = {"Origin": "https://outside.example", "X-Forwarded-Host": "outside.example"}
    assert browser.post("/runs/run-3/terminate", headers=headers).status_code == 303


def test_a_get_changes_nothing(browser: TestClient, lab: Lab) -> None:
    assert browser.get("/runs/run-3/terminate").status_code in (404, 405)
    assert run_of(lab, "run-3").state == "RUNNING"


def test_starting_a_run(browser: TestClient, lab: Lab) -> None:
    form = {
        "name": "mine",
        "pipeline": "p-1",
        "version": "v-2",
        "parameter.epochs": "3",
        "parameter.rate": "0.01",
        "parameter.layers": "[8]",
        "parameter.flip": "true",
        "parameter.tag": "x",
    }
    answer = browser.post("/new-run", data=form)
    assert answer.status_code == 303
    run = run_of(lab, answer.headers["location"].split("/")[2].split("?")[0])
    assert (run.display_name, run.pipeline_version_id) == ("mine", "v-2")
    assert run.runtime_config["parameters"] == {
        "epochs": 3,
        "rate": 0.01,
        "layers": [8],
        "flip": True,
        "tag": "x",
    }


def test_mistakes_stand_beside_their_fields_and_nothing_is_lost(
    browser: TestClient, lab: Lab
) -> None:
    form = {"name": "", "pipeline": "p-1", "parameter.epochs": "many", "parameter.tag": "keep me"}
    before = runs_of(lab).keys()
    answer = browser.post("/new-run", data=form)
    assert answer.status_code == 422
    assert runs_of(lab).keys() == before
    assert 'id="field-parameter-epochs-problem"' in answer.text
    assert 'aria-describedby="field-parameter-epochs-problem"' in answer.text
    assert 'value="keep me"' in answer.text
    assert 'id="problem-name"' in answer.text


def test_a_refusal_of_the_server_stands_at_the_head_of_what_was_typed(browser: TestClient) -> None:
    deep = "[" * 500 + "]" * 500
    form = {"name": "kept", "pipeline": "p-1", "parameter.epochs": "3", "parameter.layers": deep}
    answer = browser.post("/new-run", data=form)
    assert answer.status_code == 400
    assert "<strong>Runtime_config.parameters is nested" in answer.text
    assert 'value="kept"' in answer.text


def test_a_clone_begins_with_the_values_of_its_run(browser: TestClient, lab: Lab) -> None:
    page = browser.get("/new-run?clone=run-2").text
    assert 'value="Copy of mnist with a wrong key"' in page
    assert 'value="0.01"' in page
    browser.post("/new-run", data={"clone": "run-2", "name": "c", "parameter.epochs": "3"})
    browser.post("/new-run", data={"clone": "run-3", "name": "d", "parameter.rows": "3"})
    runs = {run.display_name: run for run in runs_of(lab).values()}
    assert runs["c"].pipeline_version_id == "v-1"
    assert runs["d"].pipeline_version_id is None
    assert runs["d"].document_digest == run_of(lab, "run-3").document_digest


def test_a_schedule_makes_a_recurring_run(browser: TestClient, lab: Lab) -> None:
    form = {
        "name": "n",
        "pipeline": "p-1",
        "parameter.epochs": "3",
        "mode": "recurring",
        "trigger": "cron",
        "cron": "0 0 6 * * *",
    }
    answer = browser.post("/new-run", data=form)
    assert answer.headers["location"].startswith("/recurring-runs")
    made = {
        item.display_name: item for item in lab.services.recurring_runs.list(ListRequest()).items
    }
    assert made["n"].cron == "0 0 6 * * *"
    assert made["n"].no_catchup


def test_uploads(browser: TestClient, lab: Lab) -> None:
    package = yaml.safe_dump(sample_pipelines.nested()).encode()
    answer = browser.post("/pipelines", files={"file": ("my.pipeline.yaml", package)})
    assert answer.status_code == 303
    pipeline = lab.services.pipelines.get_by_name("my.pipeline")
    assert answer.headers["location"].startswith(f"/pipelines/{pipeline.id}?")
    assert browser.post("/pipelines", data={"name": "x"}).status_code == 422
    browser.post("/pipelines/p-1/versions", files={"file": ("v9.yaml", package)})
    assert lab.services.pipelines.get_version("p-1").name == "v9"


def test_too_large_an_upload_is_refused(browser: TestClient, lab: Lab) -> None:
    before = lab.services.pipelines.list(ListRequest()).total
    big = b"x" * (33 * 1024 * 1024 + 1024)
    assert browser.post("/pipelines", files={"file": ("b.yaml", big)}).status_code == 413
    assert lab.services.pipelines.list(ListRequest()).total == before


def test_the_log_goes_on_from_where_it_was(browser: TestClient, lab: Lab) -> None:
    address = "/runs/run-3/tasks/n-4-2/log"
    first = browser.get(address).json()
    assert first["complete"] is False
    assert first["text"] == LOG
    lab.pods.logs["pod-n-4-2"] += "one more line\n"
    lab.end_log("n-4-2")
    second = browser.get(f"{address}?offset={first['offset']}").json()
    assert (second["text"], second["complete"]) == ("one more line\n", True)
    whole = browser.get(f"{address}.txt")
    assert whole.headers["content-type"].startswith("text/plain")
    assert whole.text.endswith("one more line\n")
    assert browser.get(f"{address}?offset=-1").status_code == 422


def test_what_steps_wrote_runs_in_a_sandbox(browser: TestClient) -> None:
    page = browser.get("/runs/run-1/artifacts/a-report/frame")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy
    notebook = browser.get(f"/runs/run-1/artifacts/{NOTEBOOK}/frame")
    assert notebook.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    raw = browser.get("/runs/run-1/artifacts/a-model/content?download=1")
    assert raw.headers["content-security-policy"].startswith("sandbox;")
    assert raw.headers["content-disposition"].startswith(
        "attachment; filename*=UTF-8''model-v2.onnx"
    )
    assert raw.headers["x-content-type-options"] == "nosniff"


def test_an_artifact_that_the_store_has_lost(browser: TestClient, lab: Lab) -> None:
    lab.change(models.Artifact, "a-model", uri="s3://rhods/v2/artifacts/lost.csv")
    page = browser.get("/runs/run-1/artifacts/a-model/view")
    assert page.status_code == 200
    assert "The object store has no s3://rhods/v2/artifacts/lost.csv." in page.text
    assert browser.get(f"/runs/run-1/artifacts/file/{FOLDER}/none/view").status_code == 404
    assert browser.get("/runs/run-1/artifacts/nope/view").status_code == 404


def test_a_store_that_is_down_hides_only_itself(browser: TestClient, lab: Lab) -> None:
    lab.store.down = True
    page = browser.get("/runs/run-1?view=output")
    assert page.status_code == 200
    assert "The object store does not answer." in page.text
    assert "accuracy" in page.text


def test_comparison_shows_the_difference(browser: TestClient) -> None:
    page = browser.get("/compare?run=run-1&run=run-2").text
    assert "differs" in page
    assert browser.get("/compare?run=run-1").status_code == 400
    assert browser.get("/compare?run=run-1&run=run-1").status_code == 400


def test_errors_are_pages_and_for_the_api_json(browser: TestClient) -> None:
    page = browser.get("/runs/none")
    assert page.status_code == 404
    assert "There is no run &#39;none&#39;." in page.text
    answer = browser.get("/apis/v2beta1/nonsense")
    assert answer.status_code == 404
    assert answer.json()["code"] == 5


def test_static_files_are_kept_by_version(browser: TestClient) -> None:
    page = browser.get("/runs").text
    script = re.search(r'src="(/static/[0-9a-f]+/page\.js)"', page)
    assert script
    answer = browser.get(script[1])
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert browser.get("/static/x/..%2Fapplication.py").status_code == 404


def test_states_that_nobody_has_heard_of_are_shown(browser: TestClient, lab: Lab) -> None:
    lab.move_run("run-1", "HIBERNATING")
    assert "Not started" in browser.get("/runs/run-1").text
