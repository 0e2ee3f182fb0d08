"""The pipeline server's speed: overhead of a step, many runs at once, long lists, memory.

    .lab/venv-test/bin/python tests/benchmarks/pipelines.py [--namespace NS] [--output FILE]
        [--quick]

Without a namespace one is made, with a pipeline server of its own, and removed. Writes JSON with,
for each figure, what was measured and the bound that is aimed at:

- ``step_overhead``: median seconds from when a step may begin until it has ended, for a step that
  does nothing, its image present (2 s);
- ``crowd_seconds``, ``crowd_twice``: 20 runs of 5 steps at once: seconds until all have succeeded,
  and steps run twice (0);
- ``list_p95``: seconds of a list call, 95th percentile, with 10,000 runs stored (0.1 s);
- ``server_memory``: the most that the server has held, MiB (400).

The reference in the same run is ``api_round_trip``, the median time of one call to the Kubernetes
API server, and ``bare_pod``: the median seconds from the creation of a pod that does nothing to
its end as the cluster tells it. They tell a slow machine from a slow server.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from lab_ground.waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[2]
os.environ.setdefault("KUBECONFIG", str(REPOSITORY / ".lab" / "kubeconfig"))
warnings.simplefilter("ignore")

import kfp  # noqa: E402
import requests  # noqa: E402
from figures import finish as finish_report  # noqa: E402
from kfp import dsl  # noqa: E402
from pipeline_project import PipelineServer, manifest  # noqa: E402

from lab_ground.kubernetes.client import KubernetesClient  # noqa: E402

BOUNDS = {"step_overhead": 2.0, "crowd_twice": 0, "list_p95": 0.1, "server_memory": 400}
IMAGE = "image-registry.openshift-image-registry.svc:5000/redhat-ods-applications/mnist-runtime:1.0"
STORED_RUNS, QUICK_STORED_RUNS = 10_000, 200
PREFIX = "benchmark-"

FILL = f"""
from pipeline_server.database.connection import Database
from pipeline_server.database.models import Run, Experiment, Document, now, new_id
from pipeline_server.settings import Settings
import sqlalchemy as sa, datetime, sys
database = Database(Settings.from_environment().database_url)
with database.session() as session:
    experiment = session.scalar(sa.select(Experiment.id))
    digest = session.scalar(sa.select(Document.digest))
    have = session.scalar(sa.select(sa.func.count()).select_from(Run))
    moment = now()
    history = [dict(update_time=moment.isoformat(), state=state)
               for state in ("PENDING", "RUNNING", "SUCCEEDED")]
    rows = [dict(id=new_id(), display_name=f"{PREFIX}{{number}}", experiment_id=experiment,
                 document_digest=digest, state="SUCCEEDED", finished_at=moment, wake_at=None,
                 state_history=history, runtime_config=dict(parameters=dict(n=number)),
                 created_at=moment - datetime.timedelta(seconds=number))
            for number in range(int(sys.argv[1]) - have)]
    if rows:
        session.execute(sa.insert(Run), rows)
"""
EMPTY = f"""
from pipeline_server.database.connection import Database
from pipeline_server.database.models import Run
from pipeline_server.settings import Settings
import sqlalchemy as sa
with Database(Settings.from_environment().database_url).session() as session:
    session.execute(sa.delete(Run).where(Run.display_name.startswith("{PREFIX}")))
"""


@dsl.container_component
def nothing():
    """A step without work of its own."""
    return dsl.ContainerSpec(image=IMAGE, command=["true"])


@dsl.pipeline(name="chain-of-nothing")
def chain():
    """Ten steps, one after the other."""
    before = None
    for _ in range(10):
        step = nothing()
        if before is not None:
            step.after(before)
        before = step


@dsl.pipeline(name="five-steps")
def five():
    """Five steps: one, three beside each other, one."""
    first = nothing()
    middle = [nothing().after(first) for _ in range(3)]
    nothing().after(*middle)


@contextmanager
def pipeline_server(namespace: str | None) -> Iterator[PipelineServer]:
    """The server to measure: one that is there, or one of its own."""
    kubernetes = KubernetesClient()
    if namespace:
        yield PipelineServer(kubernetes, namespace)
        return
    name = f"bench-pipelines-{uuid.uuid4().hex[:6]}"
    kubernetes.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    server = PipelineServer(kubernetes, name)
    try:
        kubernetes.create(manifest(name))
        server.wait_until_ready(240)
        yield server
    finally:
        server.delete(120)
        kubernetes.delete("v1", "Namespace", name)


def connect(server: PipelineServer) -> kfp.Client:
    """The SDK's client through the Route."""
    return kfp.Client(
        host=server.url, existing_token=server.token, ssl_ca_cert=str(server.ca_certificate)
    )


def inside(server: PipelineServer, *command: str) -> str:
    """Run a command in the server's own container."""
    done = subprocess.run(
        [
            shutil.which("kubectl") or "/opt/mnist-lab/bin/kubectl",
            "--namespace",
            server.namespace,
            "exec",
            f"deployment/ds-pipeline-{server.name}",
            "--container",
            "ds-pipeline-api-server",
            "--",
            *command,
        ],
        check=True,
        text=True,
        capture_output=True,
    )
    return done.stdout


def details(server: PipelineServer, what: str) -> dict[str, Any]:
    """A run, or a part of it, as the API tells it."""
    reply = server.request("GET", f"/apis/v2beta1/runs/{what}")
    reply.raise_for_status()
    found: dict[str, Any] = reply.json()
    return found


def finish(server: PipelineServer, run_id: str, timeout: float = 300) -> dict[str, Any]:
    """A run when it has succeeded."""

    def ended() -> Any:
        found = details(server, run_id)
        return found if found["state"] in {"SUCCEEDED", "FAILED", "CANCELED"} else None

    found: dict[str, Any] = wait_for(ended, timeout, f"run {run_id} does not end")
    if found["state"] != "SUCCEEDED":
        raise RuntimeError(f"run {run_id} is {found['state']}: {found.get('error')}")
    return found


def steps(server: PipelineServer, run: dict[str, Any]) -> list[dict[str, Any]]:
    """The run's steps."""
    found = details(server, f"{run['run_id']}/tasks")["tasks"]
    return [task for task in found if task["kind"] == "CONTAINER"]


def seconds(task: dict[str, Any]) -> float:
    """From when the step may begin until it has ended."""
    begin, end = (datetime.fromisoformat(task[key]) for key in ("create_time", "end_time"))
    return (end - begin).total_seconds()


def measure_overhead(server: PipelineServer, client: kfp.Client, chains: int) -> list[float]:
    """Seconds of every step of some chains."""
    found: list[float] = []
    for _ in range(chains):
        run = client.create_run_from_pipeline_func(chain, enable_caching=False)
        found += [seconds(task) for task in steps(server, finish(server, run.run_id))]
    return found


def measure_crowd(server: PipelineServer, client: kfp.Client, count: int) -> tuple[float, int]:
    """Seconds for runs of 5 steps at once, and how many steps had more than one pod."""
    began = time.monotonic()
    ids = [
        client.create_run_from_pipeline_func(five, enable_caching=False).run_id
        for _ in range(count)
    ]
    runs = [finish(server, run_id, 600) for run_id in ids]
    taken = time.monotonic() - began
    twice = 0
    for run in runs:
        found = steps(server, run)
        twice += sum(task["attempts"] != 1 for task in found)
        twice += abs(len(server.run_pods(run["run_id"])) - 5) + abs(len(found) - 5)
    return taken, twice


def measure_lists(server: PipelineServer, stored: int, turns: int) -> dict[str, list[float]]:
    """Seconds of list calls as a page and a client make them, with so many runs stored."""
    inside(server, "python3", "-c", FILL, str(stored))
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {server.token}"
    url = f"{server.url}/apis/v2beta1/runs"
    wanted = {"predicates": [{"operation": "IS_SUBSTRING", "key": "name", "stringValue": "77"}]}
    calls: dict[str, dict[str, Any]] = {
        "first_page": {"page_size": 10},
        "newest": {"page_size": 20, "sort_by": "created_at desc"},
        "hundred_newest": {"page_size": 100, "sort_by": "created_at desc"},
        "by_name": {"page_size": 20, "sort_by": "display_name desc"},
        "by_part_of_name": {"page_size": 20, "filter": json.dumps(wanted)},
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    try:
        for turn in range(turns + 4):
            for name, call in calls.items():
                began = time.perf_counter()
                reply = session.get(url, params=call, timeout=30, verify=str(server.ca_certificate))
                reply.raise_for_status()
                if turn >= 4:
                    times[name].append(time.perf_counter() - began)
        assert reply.json()["total_size"] < stored, "the last call is filtered"
    finally:
        inside(server, "python3", "-c", EMPTY)
    return times


def measure_memory(server: PipelineServer) -> float:
    """MiB that the server has held at most."""
    status = inside(server, "cat", "/proc/1/status")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def measure_round_trip(kubernetes: KubernetesClient) -> float:
    """Median seconds of one call to the API server."""
    times = []
    for _ in range(20):
        began = time.perf_counter()
        kubernetes.request("GET", "/version")
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure_bare_pod(server: PipelineServer) -> float:
    """Median seconds of a pod that does nothing, until the cluster tells its end."""
    kubernetes = server.kubernetes
    times = []
    for number in range(5):
        name = f"{PREFIX}bare-{number}-{uuid.uuid4().hex[:6]}"
        metadata = {"name": name, "namespace": server.namespace}
        container = {"name": "main", "image": IMAGE, "command": ["true"]}
        began = time.monotonic()
        kubernetes.create(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": metadata,
                "spec": {"restartPolicy": "Never", "containers": [container]},
            }
        )

        def ended(pod: str = name) -> bool:
            found = kubernetes.get("v1", "Pod", pod, server.namespace) or {}
            return found.get("status", {}).get("phase") == "Succeeded"

        wait_for(ended, 60, f"{name} does not end", pause=0.05)
        times.append(time.monotonic() - began)
        kubernetes.delete("v1", "Pod", name, server.namespace)
    return statistics.median(times)


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    return sorted(values)[max(0, round(len(values) * share) - 1)]


def measure(server: PipelineServer, quick: bool) -> tuple[dict[str, float], dict[str, float], Any]:
    """Every figure, the references, and the list calls by kind."""
    client = connect(server)
    overhead = measure_overhead(server, client, 1 if quick else 2)
    bare = measure_bare_pod(server)
    crowd, twice = measure_crowd(server, client, 3 if quick else 20)
    lists = measure_lists(server, QUICK_STORED_RUNS if quick else STORED_RUNS, 4 if quick else 40)
    every = [value for values in lists.values() for value in values]
    figures = {
        "step_overhead": round(statistics.median(overhead), 3),
        "step_overhead_p95": round(percentile(overhead, 0.95), 3),
        "crowd_seconds": round(crowd, 1),
        "crowd_twice": twice,
        "list_p50": round(statistics.median(every), 4),
        "list_p95": round(percentile(every, 0.95), 4),
        "server_memory": round(measure_memory(server), 1),
    }
    reference = {
        "bare_pod": round(bare, 3),
        "api_round_trip": round(measure_round_trip(server.kubernetes), 4),
        "step_takes_times_as_long_as_a_bare_pod": round(figures["step_overhead"] / bare, 2),
    }
    kinds = {name: round(statistics.median(values), 4) for name, values in lists.items()}
    return figures, reference, kinds


def main() -> int:
    """Measure, print and write; the exit code says whether every bound was met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--namespace", help="a namespace with a pipeline server to measure")
    parser.add_argument("--output", type=Path, help="file for the figures")
    parser.add_argument("--quick", action="store_true", help="few rounds: does everything work?")
    options = parser.parse_args()
    with pipeline_server(options.namespace) as server:
        figures, reference, kinds = measure(server, options.quick)
    return finish_report(
        figures,
        BOUNDS,
        reference=reference,
        output=options.output,
        quick=options.quick,
        list_medians=kinds,
    )


if __name__ == "__main__":
    sys.exit(main())
