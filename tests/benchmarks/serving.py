"""How fast a served model answers, through TLS and the token check, and what serving costs.

    KUBECONFIG=.lab/kubeconfig .lab/venv-serving-test/bin/python \
        tests/benchmarks/serving.py [--model FILE] [--cpu 100m] [--output FILE] [--quick]

Makes a project of its own on the cluster that has the platform, and removes it afterwards. Writes
JSON with, for each figure, what was measured and the bound that is aimed at:

- ``start_seconds``: from the ServingRuntime's creation to its pod's readiness (15 s);
- ``load_seconds``: from the InferenceService's creation to Ready, the slowest of five (3 s);
- ``steady_p50_ms``, ``steady_p99_ms``: at 100 requests a second, evenly spaced, each timed from the
  moment at which it was due (2 ms and 10 ms);
- ``saturated_requests_per_second``: of 16 connections that ask as fast as they get answers (600);
- ``stages``: where the time of a steady request goes, at the same rate: the proxy alone (its own
  health, behind TLS) and the model server alone (8008, no TLS, no token);
- ``failed_requests``: of both (0);
- ``memory_mebibytes``: the pod with the model, after all that (500 MiB);
- ``reference``: ONNX Runtime called in this process with the same model and picture, in the same
  run, and how many times as long a served prediction takes.

The load generator runs on the same machine, whose load is told beside the figures: other work on
it shows in them, in the 99th percentile above all. Without ``--model`` the model is made on the
spot, of the lab's layers with weights by chance.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import ssl
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import serving_models
from figures import finish
from serving_project import Project

from lab_ground.kubernetes.client import get_client

REPOSITORY = Path(__file__).resolve().parents[2]
BOUNDS = {
    "start_seconds": 15,
    "load_seconds": 3,
    "steady_p50_ms": 2,
    "steady_p99_ms": 10,
    "saturated_requests_per_second": 600,
    "failed_requests": 0,
    "memory_mebibytes": 500,
}
STEADY_RATE, STEADY_CONNECTIONS, SATURATED_CONNECTIONS = 100, 8, 16
AT_LEAST = ("saturated_requests_per_second",)


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    steady_seconds: int = 20
    saturated_seconds: int = 10
    loads: int = 5
    calls: int = 3000


QUICK = Extent(steady_seconds=2, saturated_seconds=2, loads=1, calls=700)


class Connection:
    """One kept connection that sends the same request again and again."""

    def __init__(
        self,
        address: str,
        context: ssl.SSLContext | None,
        host: str,
        request: bytes,
        port: int = 8443,
    ) -> None:
        self._address, self._context, self._host = address, context, host
        self._request, self._port = request, port

    async def open(self) -> None:
        """Connect, TLS included where there is a context."""
        self._reader, self._writer = await asyncio.open_connection(
            self._address,
            self._port,
            ssl=self._context,
            server_hostname=self._host if self._context else None,
        )

    async def ask(self) -> bool:
        """One request; whether it was answered with 200."""
        self._writer.write(self._request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        await self._reader.readexactly(length)
        return head.startswith(b"HTTP/1.1 200")

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def connections(target: dict[str, Any], count: int) -> list[Connection]:
    """Open connections, each warmed by a few requests."""
    made = [Connection(**target) for _ in range(count)]
    for connection in made:
        await connection.open()
        for _ in range(10):
            await connection.ask()
    return made


async def until(due: float) -> None:
    """Return at this moment, and not up to a millisecond after it.

    The event loop rounds its sleeps up to whole milliseconds, which would count as the server's.
    """
    await asyncio.sleep(max(0.0, due - time.perf_counter() - 0.002))
    while time.perf_counter() < due:
        await asyncio.sleep(0)


async def steady(target: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Requests evenly spaced, whether or not the earlier ones are answered."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    opened = await connections(target, STEADY_CONNECTIONS)
    for connection in opened:
        free.put_nowait(connection)
    times: list[float] = []
    failures = 0

    async def one(due: float) -> None:
        nonlocal failures
        connection = await free.get()
        try:
            failures += not await connection.ask()
            times.append(time.perf_counter() - due)
        finally:
            free.put_nowait(connection)

    began = time.perf_counter()
    tasks = []
    for number in range(STEADY_RATE * seconds):
        due = began + number / STEADY_RATE
        await until(due)
        tasks.append(asyncio.create_task(one(due)))
    await asyncio.gather(*tasks)
    for connection in opened:
        connection.close()
    return {"requests": len(times), "failed": failures, **quantiles(times)}


async def saturated(target: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Every connection asks again as soon as it is answered."""
    opened = await connections(target, SATURATED_CONNECTIONS)
    times: list[float] = []
    failures = 0
    began = time.perf_counter()

    async def work(connection: Connection) -> None:
        nonlocal failures
        while (start := time.perf_counter()) < began + seconds:
            failures += not await connection.ask()
            times.append(time.perf_counter() - start)

    await asyncio.gather(*(work(connection) for connection in opened))
    elapsed = time.perf_counter() - began
    for connection in opened:
        connection.close()
    return {
        "requests_per_second": round(len(times) / elapsed, 1),
        "failed": failures,
        **quantiles(times),
    }


def stages(target: dict[str, Any], seconds: int) -> dict[str, Any]:
    """The parts of the way, each asked alone at the steady rate."""
    health = f"GET /oauth/healthz HTTP/1.1\r\nHost: {target['host']}\r\n\r\n".encode()
    plain = {**target, "context": None, "port": 8008}
    return {
        "proxy": asyncio.run(steady({**target, "request": health}, seconds)),
        "model_server": asyncio.run(steady(plain, seconds)),
    }


def reference(content: bytes, picture: np.ndarray, calls: int) -> dict[str, Any]:
    """ONNX Runtime in this process."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        session.run(None, {"input_1": picture})
        times.append(time.perf_counter() - began)
    return {"version": onnxruntime.__version__, **quantiles(times[500:])}


def memory_mebibytes(project: Project) -> dict[str, float]:
    """Working set of the server's pod, as the kubelet counts it."""
    pod = project.pods()[0]
    client = project.client
    path = client.path("v1", "Node", None, pod["spec"]["nodeName"], "proxy/stats/summary")
    for found in client.request("GET", path)["pods"]:
        if found["podRef"]["uid"] == pod["metadata"]["uid"]:
            return {
                item["name"]: round(item["memory"]["workingSetBytes"] / 2**20, 1)
                for item in found["containers"]
            }
    raise RuntimeError("the kubelet does not know the pod")


def quantiles(times: list[float]) -> dict[str, float]:
    """Median and 99th percentile, in milliseconds."""
    return {
        "p50_ms": round(statistics.median(times) * 1e3, 3),
        "p99_ms": round(statistics.quantiles(times, n=100)[98] * 1e3, 3),
    }


def measure(project: Project, content: bytes, cpu: str, extent: Extent) -> dict[str, Any]:
    """All figures, on a fresh project."""
    project.create()
    project.create_store()
    project.connect()
    project.put("onnx/model-v2.onnx", content)
    began = time.monotonic()
    project.serve(cpu=cpu)
    start = time.monotonic() - began
    loads = []
    for number in range(extent.loads):
        began = time.monotonic()
        project.deploy(f"load-{number}", "onnx/model-v2.onnx")
        project.wait_until_ready(f"load-{number}")
        loads.append(time.monotonic() - began)
    for number in range(extent.loads):
        project.undeploy(f"load-{number}")
    project.deploy("mnist", "onnx/model-v2.onnx")
    project.wait_until_ready("mnist")
    host = f"modelmesh-serving.{project.namespace}.svc"
    picture = np.random.default_rng(0).random((1, 28, 28, 1), dtype=np.float32)
    tensor = {"name": "input_1", "shape": [1, 28, 28, 1], "datatype": "FP32"}
    body = json.dumps({"inputs": [{**tensor, "data": picture.ravel().tolist()}]}).encode()
    head = (
        f"POST /v2/models/mnist/infer HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {project.caller('load')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    target = {
        "address": project.pods()[0]["status"]["podIP"],
        "context": ssl.create_default_context(cadata=project.authority()),
        "host": host,
        "request": head.encode() + body,
    }
    found: dict[str, Any] = {
        "start_seconds": round(start, 2),
        "load_seconds": round(max(loads), 2),
        "steady": asyncio.run(steady(target, extent.steady_seconds)),
        "saturated": asyncio.run(saturated(target, extent.saturated_seconds)),
        "stages": stages(target, extent.steady_seconds // 2),
        "reference": reference(content, picture, extent.calls),
    }
    found["memory_by_container"] = memory_mebibytes(project)
    found["memory_mebibytes"] = round(sum(found["memory_by_container"].values()), 1)
    found["reference"]["served_takes_times_as_long"] = round(
        found["steady"]["p50_ms"] / found["reference"]["p50_ms"], 1
    )
    return found


def main() -> int:
    """Entry point; exits with 1 if a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--cpu", default="100m", help="CPU that the server requests")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--quick", action="store_true", help="few rounds: does everything work?")
    options = parser.parse_args()
    if options.model:
        content = options.model.read_bytes()
    else:
        content = serving_models.convolutional().SerializeToString()
    project = Project(get_client(), f"serving-bench-{secrets.token_hex(3)}")
    try:
        found = measure(project, content, options.cpu, QUICK if options.quick else Extent())
    finally:
        project.remove()
    figures = {
        "start_seconds": found["start_seconds"],
        "load_seconds": found["load_seconds"],
        "steady_p50_ms": found["steady"]["p50_ms"],
        "steady_p99_ms": found["steady"]["p99_ms"],
        "saturated_requests_per_second": found["saturated"]["requests_per_second"],
        "failed_requests": found["steady"]["failed"] + found["saturated"]["failed"],
        "memory_mebibytes": found["memory_mebibytes"],
    }
    numbers = {key: value for key, value in found["reference"].items() if key != "version"}
    return finish(
        figures,
        BOUNDS,
        at_least=AT_LEAST,
        reference=numbers,
        output=options.output,
        quick=options.quick,
        model_bytes=len(content),
        onnxruntime=found["reference"]["version"],
        steady=found["steady"],
        saturated=found["saturated"],
        stages=found["stages"],
        memory_by_container=found["memory_by_container"],
    )


if __name__ == "__main__":
    sys.exit(main())
