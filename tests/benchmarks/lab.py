"""How long the lab takes from end to end, and how long a person at the page waits.

    .lab/venv-test/bin/python tests/benchmarks/lab.py [--output FILE] [--fresh] [--skip-up]

Writes JSON with, for each figure, what was measured and the bound that is aimed at:

- ``repeated_up_seconds``: `./lab up` on a ready lab (60 s), and ``repeated_up_changes`` (0);
- ``pipeline_seconds``: the last succeeded run of the pipeline on the full MNIST (300 s);
- ``first_prediction_seconds``: from the page's request to its answer while no pod of the function
  runs (6 s);
- ``next_prediction_ms``: the same while one runs, median of 100 (100 ms), and the 99th percentile;
- ``first_click_seconds``: in a browser, from the click on Predict until the answer is shown, the
  function asleep when the page is opened (6 s);
- ``click_to_answer_ms``: the same while it is awake, median of 50 (100 ms), and the largest;
- ``fresh_up_seconds``, only with ``--fresh``: the cluster removed first, cache and images present,
  with the full training (480 s).

The reference in the same run is ``page_ms``, the median time of a request that the page answers
itself: it tells a slow machine and router from a slow function and model. The exit code is 1 where
a bound was missed.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from figures import finish
from kubernetes import client, config
from launcher import count_changes, run_lab
from PIL import Image, ImageDraw

from lab_driver import browser as browsers
from lab_driver.pages.clock import click_to_answer
from lab_driver.pages.webapp import DrawingPage

REPOSITORY = Path(__file__).resolve().parents[2]
BOUNDS = {
    "repeated_up_seconds": 60,
    "pipeline_seconds": 300,
    "first_prediction_seconds": 6,
    "next_prediction_ms": 100,
    "first_click_seconds": 6,
    "click_to_answer_ms": 100,
    "fresh_up_seconds": 480,
    "repeated_up_changes": 0,
}
IDLE_SECONDS = 300
# A seven in a picture of 28 by 28, as (row, column).
SEVEN = [[(5.0, 7.0), (5.0, 20.0), (14.0, 15.0), (23.0, 12.0)]]


def read_access() -> dict[str, Any]:
    """Return where everything is."""
    return json.loads((REPOSITORY / ".lab" / "access.json").read_text(encoding="utf-8"))


def draw_seven() -> str:
    """Return a seven as the browser sends it."""
    image = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(image).line([(80, 60), (200, 60), (120, 230)], fill=0, width=22, joint="curve")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def wait_for_sleep(namespace: str) -> None:
    """Wait until no pod of the function runs."""
    pods = client.CoreV1Api()
    deadline = time.monotonic() + IDLE_SECONDS
    while time.monotonic() < deadline:
        if not pods.list_namespaced_pod(namespace, label_selector="app=mnist-function").items:
            return
        time.sleep(2)
    raise TimeoutError(f"the function still runs after {IDLE_SECONDS} s without a request")


def time_requests(send: Callable[[], httpx.Response], number: int) -> list[float]:
    """Return the milliseconds of each of so many requests."""
    times = []
    for _ in range(number):
        began = time.perf_counter()
        send().raise_for_status()
        times.append((time.perf_counter() - began) * 1000)
    return times


def measure_page(access: dict[str, Any]) -> tuple[dict[str, float], float, dict[str, Any]]:
    """Measure predictions by the page's API: the first after idle, then the next ones.

    Returns the figures, the reference, and what the last answer said.
    """
    body = {"image": draw_seven()}
    context = ssl.create_default_context(cafile=access["ca_certificate"] or None)
    with httpx.Client(base_url=access["webapp"]["url"], verify=context, timeout=70) as page:

        def predict() -> httpx.Response:
            return page.post("/api/predict", json=body)

        page_times = time_requests(lambda: page.get("/healthz"), 50)
        wait_for_sleep(access["namespace"])
        (first,) = time_requests(predict, 1)
        answer = predict().json()
        times = time_requests(predict, 100)
    figures = {
        "first_prediction_seconds": round(first / 1000, 2),
        "next_prediction_ms": round(statistics.median(times), 2),
        "next_prediction_p99_ms": round(statistics.quantiles(times, n=100)[98], 2),
    }
    said = {"digit": answer["digit"], "in_the_function_ms": answer["timings_ms"]}
    return figures, round(statistics.median(page_times), 2), said


def measure_clicks(access: dict[str, Any]) -> dict[str, float]:
    """Measure what a person at the page waits, in a headless Chromium."""
    certificate = Path(access["ca_certificate"]) if access["ca_certificate"] else None
    with tempfile.TemporaryDirectory() as home:
        driver = browsers.start(Path(home), certificate, timeout=70)
        try:
            wait_for_sleep(access["namespace"])
            page = DrawingPage(driver, access["webapp"]["url"]).open().draw(SEVEN)
            first = click_to_answer(page)
            times = [click_to_answer(page) for _ in range(50)]
        finally:
            driver.quit()
    return {
        "first_click_seconds": round(first / 1000, 2),
        "click_to_answer_ms": round(statistics.median(times), 1),
        "click_to_answer_max_ms": round(max(times), 1),
    }


def measure_pipeline(access: dict[str, Any]) -> float:
    """Return the seconds of the last succeeded run that trained the model."""
    namespace, name = access["pipelines"]["token_secret"].split("/")
    secret = client.CoreV1Api().read_namespaced_secret(name, namespace)
    token = base64.b64decode(secret.data["token"]).decode()
    context = ssl.create_default_context(cafile=access["ca_certificate"] or None)
    reply = httpx.get(
        f"{access['pipelines']['url']}/apis/v2beta1/runs",
        params={"page_size": 100, "sort_by": "created_at desc"},
        headers={"Authorization": f"Bearer {token}"},
        verify=context,
        timeout=30,
    ).raise_for_status()
    for run in reply.json().get("runs", []):
        if run["state"] == "SUCCEEDED" and run["display_name"].startswith("mnist"):
            began, ended = (
                datetime.fromisoformat(run[key].replace("Z", "+00:00"))
                for key in ("created_at", "finished_at")
            )
            return round((ended - began).total_seconds(), 1)
    raise LookupError("no run of the pipeline has succeeded yet")


def measure_up(*, fresh: bool, skip: bool) -> dict[str, float]:
    """Measure the launcher, from nothing and on a ready lab, as far as it is wanted."""
    figures: dict[str, float] = {}
    if fresh:
        run_lab("remove")
        figures["fresh_up_seconds"] = round(run_lab("up")[0], 1)
    if not skip:
        seconds, output = run_lab("up")
        figures["repeated_up_seconds"] = round(seconds, 1)
        figures["repeated_up_changes"] = count_changes(output)
    return figures


def main() -> int:
    """Measure and write the figures; return 1 if a bound was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--fresh", action="store_true", help="remove the cluster and make it anew")
    parser.add_argument("--skip-up", action="store_true", help="measure only the running lab")
    options = parser.parse_args()
    figures = measure_up(fresh=options.fresh, skip=options.skip_up)
    config.load_kube_config(str(REPOSITORY / ".lab" / "kubeconfig"))
    access = read_access()
    found, page_ms, said = measure_page(access)
    figures |= found | measure_clicks(access)
    figures["pipeline_seconds"] = measure_pipeline(access)
    return finish(figures, BOUNDS, reference={"page_ms": page_ms}, output=options.output, **said)


if __name__ == "__main__":
    raise SystemExit(main())
