"""The dashboard for a class: thirty learners at once, each in a seat of their own.

    .lab/venv-test/bin/python tests/benchmarks/dashboard.py [--output FILE] [--quick] [--learners N]

On the cluster of KUBECONFIG (.lab/kubeconfig where it is not set), through the router and the token
proxy. Makes a namespace with an account for each learner and removes them. Each lists the projects,
opens one, and sends a workbench's form (tried dry, so that thirty do not start). Figures: 50th and
95th percentile of each in milliseconds, compressed script of the first page in KiB, and resident
memory of the back end in MiB, which is read on the machine of an embedded cluster alone.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import figures
from dashboard_page import HOST, Page
from platform_cluster import STATE, Browser, read_authority
from tenancy_seats import Seat, make_seat

from lab_ground.kubernetes.client import KubernetesClient, open_client

BOUNDS = {
    "list_p95_ms": 300.0,
    "open_p95_ms": 300.0,
    "form_p95_ms": 300.0,
    "first_page_kib": 350.0,
    "back_end_mib": 150.0,
}
ROUNDS, QUICK_ROUNDS = 10, 1
FORM = {
    "displayName": "notebook",
    "image": {"stream": "mnist-workbench", "tag": "1.0"},
    "size": "Small",
    "variables": [{"kind": "secret", "values": {"A": "1"}}],
    "storage": {"mode": "new", "displayName": "", "sizeGiB": 1},
}


def act(page: Page, rounds: int) -> dict[str, list[float]]:
    """What one learner does, and how long each answer took, in milliseconds."""
    project = f"/api/projects/{page.namespace}"
    calls = {
        "list": ("GET", "/api/projects", None),
        "open": ("GET", project, None),
        "form": ("POST", f"{project}/workbenches?dryRun=true", FORM),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, (method, path, body) in calls.items():
            began = time.perf_counter()
            answer = page.ask(method, path, body)
            times[name].append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, (name, answer.status, answer.body[:300])
    return times


def first_page_kib(page: Page) -> float:
    """Compressed size of what the first page loads before it can be seen."""
    headers = {"Authorization": f"Bearer {page.token}", "Accept-Encoding": "gzip"}
    index = page.browser.ask(HOST, "/", headers=headers)
    text = gzip.decompress(index.body) if index.body[:2] == b"\x1f\x8b" else index.body
    size = len(index.body)
    for name in re.findall(rb'(?:src|href)="(/?assets/[^"]+)"', text):
        size += len(page.browser.ask(HOST, f"/{name.decode().lstrip('/')}", headers=headers).body)
    return round(size / 1024, 1)


def back_end_mib() -> float | None:
    """Resident memory of the dashboard's process, where it is on this machine."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if words[:3] == [b"python3", b"-m", b"dashboard"]:
                pages = int((process / "statm").read_text().split()[1])
                return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)
        except OSError:
            continue
    return None


def seats(client: KubernetesClient, count: int) -> list[Seat]:
    """A seat for each learner."""
    with ThreadPoolExecutor(4) as pool:
        return list(
            pool.map(lambda number: make_seat(client, f"dash-bench-{number}"), range(count))
        )


def main() -> int:
    """Measure and report; 1 if a bound was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="one round, to see that it works")
    parser.add_argument("--learners", type=int, default=30)
    options = parser.parse_args()
    os.environ.setdefault("KUBECONFIG", str(STATE / "kubeconfig"))
    client = open_client()
    browser = Browser(read_authority(client))
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    made = seats(client, options.learners)
    try:
        pages = [Page(browser, seat.token, seat.namespace) for seat in made]
        measured: dict[str, float] = {"first_page_kib": first_page_kib(pages[0])}
        with ThreadPoolExecutor(len(pages)) as pool:
            results = list(pool.map(lambda page: act(page, rounds), pages))
        for name in ("list", "open", "form"):
            times = sorted(value for result in results for value in result[name])
            measured[f"{name}_p50_ms"] = round(statistics.median(times), 1)
            measured[f"{name}_p95_ms"] = round(times[int(len(times) * 0.95)], 1)
        if (memory := back_end_mib()) is not None:
            measured["back_end_mib"] = memory
    finally:
        for seat in made:
            client.delete("v1", "Namespace", seat.namespace)
    reference = {"learners": float(options.learners), "rounds": float(rounds)}
    return figures.finish(
        measured, BOUNDS, reference=reference, output=options.output, quick=options.quick
    )


if __name__ == "__main__":
    raise SystemExit(main())
