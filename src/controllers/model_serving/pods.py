"""Asks the pods of a runtime how their models are.

A pod is the project's: whoever answers there may do so without end, in time or in bytes, and must
keep no other project from being looked after.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lab_ground.serving.constants import PULLER_PORT

# What a puller says of some hundred models.
_MOST = 1 << 20
_SAID = ("state", "revision", "activeRevision", "servedAs", "message", "time")
_LONGEST = 4096


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
    path = f"/state?generation={quote(generation)}&timeout={wait:g}"
    try:
        found = json.loads(_fetch(address, path, wait + 2.0))
        return PodReport(
            name,
            str(found["generation"]),
            str(found["settled"]),
            {str(item["name"]): _texts(item) for item in found["models"]},
        )
    except (
        OSError,
        http.client.HTTPException,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return PodReport(name)


def _texts(item: Mapping[str, object]) -> Mapping[str, str]:
    return {key: str(item[key])[:_LONGEST] for key in _SAID}


def _fetch(address: str, path: str, seconds: float) -> bytes:
    """What a pod answers within so many seconds as a whole, however it comes.

    Raises:
        OSError, http.client.HTTPException: it did not answer.
        ValueError: it answered something else than 200, or more than a puller says.
    """
    connection = http.client.HTTPConnection(address, PULLER_PORT, timeout=seconds)
    with contextlib.closing(socket.create_connection((address, PULLER_PORT), 1.0)) as sock:
        sock.settimeout(seconds)
        connection.sock = sock
        end = threading.Timer(seconds, _cut, (sock,))
        end.daemon = True
        end.start()
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            content = answer.read(_MOST + 1)
        finally:
            end.cancel()
    if answer.status != http.client.OK or len(content) > _MOST:
        raise ValueError(f"{address} answered {answer.status} with {len(content)} bytes")
    return content


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
