"""What a seat feels of another one that takes all that it can get.

    .lab/venv-test/bin/python tests/benchmarks/noise.py [--output FILE] [--quick]

Needs a whole lab (``./lab up``), which is the neighbour. A seat of its own, with the limits of the
role ``lab_project``, makes the noise: a fork bomb, a pod that fills its volume, a pod that computes
on every core, and a run of 500 steps. Before that and meanwhile the neighbour is asked on and on:

- ``page``: the page on which a digit is drawn, until it is whole;
- ``login``: a token is handed in at the workbench's sign-in, until the session begins;
- ``prediction``: a digit is recognised, through the Route and the token proxy.

For each, ``NAME_ms`` and ``NAME_noisy_ms`` are the medians, ``NAME_times`` how many times as long
it takes (aimed at: 2). ``failures`` counts what was not answered (0). What noise was made, and that
it was held, is in ``noise``.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kfp
import requests
from figures import finish
from noisy_seat import NoisySeat, noisy_seat
from sdk_pipelines.constructs import five_hundred_steps

from lab_driver.access import Access, read_access
from lab_ground.kubernetes.client import KubernetesClient, open_client
from lab_ground.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("page", "login", "prediction")
BOUNDS = {**{f"{name}_times": 2.0 for name in NAMES}, "failures": 0.0}
ROUNDS, QUICK_ROUNDS = 60, 5
NOISY_SECONDS, QUICK_SECONDS = 60.0, 5.0

Ask = Callable[[], None]


class Neighbour:
    """The lab's seat, asked as a browser and a client ask it."""

    def __init__(self, client: KubernetesClient, access: Access) -> None:
        self._access = access
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = access.verify
        workbench = access.get("workbench.url")
        self._workbench = workbench.partition("/notebook/")[0]
        account = workbench.rstrip("/").rpartition("/")[2]
        self._login = str(client.token(account, access.namespace, 7200))
        namespace, _, name = access.get("inference.token_secret").partition("/")
        secret = client.get("v1", "Secret", name, namespace) or {}
        self._token = base64.b64decode(secret["data"]["token"]).decode()

    def page(self) -> None:
        """Load the page."""
        self._session.get(self._access.get("webapp.url"), timeout=30).raise_for_status()

    def login(self) -> None:
        """Hand the token in at the sign-in of the workbench."""
        answer = self._session.post(
            f"{self._workbench}/oauth/login",
            data={"token": self._login},
            headers={"Origin": self._workbench},
            allow_redirects=False,
            timeout=30,
        )
        if answer.status_code != requests.codes.see_other:
            raise requests.RequestException(f"the sign-in answered {answer.status_code}")

    def prediction(self) -> None:
        """Have a digit recognised."""
        model = self._access.get("inference.model")
        base = f"{self._access.get('inference.url').partition('/v2/')[0]}/v2/models/{model}"
        headers = {"Authorization": f"Bearer {self._token}"}
        found = self._session.get(base, headers=headers, timeout=30)
        found.raise_for_status()
        wanted = found.json()["inputs"][0]
        shape = [abs(int(size)) for size in wanted["shape"]]
        count = 1
        for size in shape:
            count *= size
        tensor = {**wanted, "shape": shape, "data": [0.0] * count}
        body = {"inputs": [{key: tensor[key] for key in ("name", "datatype", "shape", "data")}]}
        answer = self._session.post(f"{base}/infer", json=body, headers=headers, timeout=30)
        answer.raise_for_status()


def measure(neighbour: Neighbour, rounds: int, seconds: float) -> tuple[dict[str, float], int]:
    """Return the median of each question in milliseconds, and how many were not answered."""
    spent: dict[str, list[float]] = {name: [] for name in NAMES}
    failures = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until or len(spent[NAMES[0]]) + failures < rounds:
        for name in NAMES:
            began = time.perf_counter()
            try:
                getattr(neighbour, name)()
            except requests.RequestException as error:
                failures += 1
                print(f"{name}: {error}", file=sys.stderr)
                continue
            spent[name].append((time.perf_counter() - began) * 1000)
    medians = {name: statistics.median(taken) for name, taken in spent.items() if taken}
    return medians, failures


@contextlib.contextmanager
def noise(seat: NoisySeat, *, steps: bool) -> Iterator[dict[str, Any]]:
    """Make all of it; gives what there was of it at the end."""
    told: dict[str, Any] = {}
    run = ""
    if steps:
        server = seat.pipeline_server()
        sdk = kfp.Client(
            host=server.url, existing_token=server.token, ssl_ca_cert=str(server.ca_certificate)
        )
        run = sdk.create_run_from_pipeline_func(five_hundred_steps, enable_caching=False).run_id
        wait_for(lambda: server.run_pods(run), 60, "a step of the noise has a pod")
    seat.start()
    yield told
    told |= seat.state()
    if run:
        told["steps_with_a_pod"] = len(server.run_pods(run))


def compare(quiet: dict[str, float], noisy: dict[str, float]) -> dict[str, float]:
    """Return both medians of each question, and how many times as long it takes in the noise."""
    figures: dict[str, float] = {}
    for name in NAMES:
        figures[f"{name}_ms"] = round(quiet[name], 2)
        figures[f"{name}_noisy_ms"] = round(noisy[name], 2)
        figures[f"{name}_times"] = round(noisy[name] / quiet[name], 2)
    return figures


def main() -> int:
    """Measure in the quiet and in the noise; return 1 if a bound was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="few rounds, and no run of 500 steps")
    options = parser.parse_args()
    os.environ.setdefault("KUBECONFIG", str(ROOT / ".lab" / "kubeconfig"))
    client = open_client()
    neighbour = Neighbour(client, read_access(ROOT / ".lab" / "access.json"))
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    seconds = QUICK_SECONDS if options.quick else NOISY_SECONDS
    quiet, failed = measure(neighbour, rounds, 0)
    with noisy_seat(client) as seat, noise(seat, steps=not options.quick) as told:
        noisy, failed_noisy = measure(neighbour, rounds, seconds)
    figures = {**compare(quiet, noisy), "failures": float(failed + failed_noisy)}
    return finish(
        figures, BOUNDS, reference={}, output=options.output, quick=options.quick, noise=told
    )


if __name__ == "__main__":
    sys.exit(main())
