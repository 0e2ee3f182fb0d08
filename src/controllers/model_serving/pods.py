"""Asks the pods of a runtime how their models are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3

from lab_ground.serving.constants import PULLER_PORT

_pool = urllib3.PoolManager(num_pools=64, maxsize=2, retries=False)


@dataclass(frozen=True)
class PodReport:
    """What one pod's puller says; `models` is empty where it cannot be asked."""

    pod: str
    generation: str = ""
    settled: str = ""
    models: Mapping[str, Mapping[str, str]] | None = None


def is_running(pod: Mapping[str, Any]) -> bool:
    """Whether the pod has an address and is not on its way out."""
    status = pod.get("status") or {}
    ending = pod["metadata"].get("deletionTimestamp")
    return bool(status.get("podIP")) and not ending and status.get("phase") == "Running"


def ask_pods(
    pods: Sequence[Mapping[str, Any]], generation: str, wait: float
) -> dict[str, PodReport]:
    """Every running pod's report, asked at once; each waits for the generation to settle."""
    running = [pod for pod in pods if is_running(pod)]
    if not running:
        return {}
    with ThreadPoolExecutor(min(len(running), 16)) as workers:
        reports = workers.map(lambda pod: ask_pod(pod, generation, wait), running)
        return {report.pod: report for report in reports}


def ask_pod(pod: Mapping[str, Any], generation: str, wait: float) -> PodReport:
    """One pod's report."""
    name, address = pod["metadata"]["name"], pod["status"]["podIP"]
    host = f"[{address}]" if ":" in address else address
    url = f"http://{host}:{PULLER_PORT}/state?generation={quote(generation)}&timeout={wait:g}"
    try:
        response = _pool.request("GET", url, timeout=urllib3.Timeout(connect=1.0, read=wait + 2.0))
        if response.status != 200:
            return PodReport(name)
        found = json.loads(response.data)
        return PodReport(
            name,
            str(found["generation"]),
            str(found["settled"]),
            {item["name"]: item for item in found["models"]},
        )
    except (urllib3.exceptions.HTTPError, ValueError, KeyError, TypeError):
        return PodReport(name)
