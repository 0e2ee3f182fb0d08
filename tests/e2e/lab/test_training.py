"""The pipeline run: states, metrics, artifacts, the model it left."""

from __future__ import annotations

import json

import pytest
import requests

from lab_driver.access import Access
from lab_driver.links import walk
from lab_steps import pipelines as checks
from lab_steps.pipelines import MODEL, SIDECAR

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def last_run(pipelines: requests.Session, access: Access) -> dict:
    base = f"{access.get('pipelines.url')}/apis/v2beta1/runs"
    page = pipelines.get(
        base, params={"page_size": 20, "sort_by": "created_at desc"}, timeout=20
    ).json()
    runs = page.get("runs") or []
    told = checks.finished_fault(runs)
    assert not told, told
    finished = [run for run in runs if run["state"] == "SUCCEEDED"]
    return pipelines.get(f"{base}/{finished[0]['run_id']}", timeout=20).json()


@pytest.fixture(scope="module")
def sidecar(bucket) -> dict:
    return json.loads(bucket.read(SIDECAR))


def test_every_step_succeeded(last_run: dict) -> None:
    """Every step of the last good run succeeded."""
    told = checks.steps_fault(last_run)
    assert not told, told


def test_all_that_the_run_s_output_shows_opens(
    pipelines: requests.Session, access: Access, last_run: dict
) -> None:
    """Every frame, picture, file and link of the run's output opens."""
    run = f"{access.get('pipelines.url')}/runs/{last_run['run_id']}"

    def open_page(address: str) -> tuple[int, str]:
        with pipelines.get(address, timeout=30, stream=True) as answer:
            is_page = answer.headers.get("content-type", "").startswith("text/html")
            # What a step wrote leads wherever its author wanted.
            own = not answer.headers.get("content-security-policy", "").startswith("sandbox")
            return answer.status_code, answer.text if is_page and own else ""

    statuses = walk(f"{run}?view=output", f"{run}/artifacts/", open_page)
    shown = [address for address in statuses if "/artifacts/" in address]
    assert shown, "the run's output shows nothing"
    wrong = {address: status for address, status in statuses.items() if status != 200}
    assert not wrong, f"of {len(statuses)} addresses these do not open: {wrong}"


@pytest.mark.parametrize("suffix", [".html", ".ipynb"])
def test_executed_notebooks_are_kept(bucket, suffix: str) -> None:
    """Each executed notebook is in the bucket."""
    told = checks.notebooks_fault(bucket.keys(), suffix)
    assert not told, told


def test_model_is_what_its_sidecar_says(bucket, sidecar: dict) -> None:
    """The model in the bucket has the checksum that its sidecar names."""
    told = checks.model_fault(bucket.read(MODEL), sidecar)
    assert not told, told


def test_model_says_which_code_made_it(sidecar: dict) -> None:
    """The model's sidecar names the commit of the code that trained it."""
    told = checks.revision_fault(sidecar)
    assert not told, told


def test_model_is_good_enough(sidecar: dict, record_property) -> None:
    """The model's accuracy on the test set is above the floor."""
    record_property("measure:Model's own accuracy", float(sidecar["accuracy"]))
    told = checks.accuracy_fault(sidecar)
    assert not told, told
