"""A pipeline run, read through the pipelines API (v2beta1) and followed to its end."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lab_ground.waiting import moments
from lab_playbook.outcome import TaskError

FINAL = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}
INTERVAL = 2.0
# The server may be replaced while a run goes on; it takes up again where it was.
PATIENCE = 90.0
LOG_LINES = 12
# A run as the API gives it.
Run = Mapping[str, Any]
Say = Callable[[str], None]


class Runs(Protocol):
    """What following a run reads."""

    def read_run(self, run_id: str) -> Run:
        """Return a run with the details of its tasks."""

    def read_log(self, run_id: str, task_id: str) -> list[str]:
        """Return the last lines of a task's log, or none where there is no log."""


class PipelinesClient:
    """The few calls of the pipelines API that following a run takes."""

    def __init__(self, url: str, token: str, ca_certificate: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._context = ssl.create_default_context(cafile=ca_certificate or None)

    def _read(self, path: str) -> bytes:
        request = urllib.request.Request(f"{self._url}{path}", headers=self._headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=15, context=self._context) as reply:  # noqa: S310
            body: bytes = reply.read()
        return body

    def read_run(self, run_id: str) -> Run:
        """Return a run with the details of its tasks.

        Raises:
            OSError: the server does not answer, or refuses (``urllib.error.HTTPError``).
            ValueError: it answers with something else than a run.
        """
        run = json.loads(self._read(f"/apis/v2beta1/runs/{run_id}"))
        if not isinstance(run, dict):
            raise ValueError(f"the answer is no run but a {type(run).__name__}")
        return run

    def read_log(self, run_id: str, task_id: str) -> list[str]:
        """Return the last lines of a task's log, or none where there is no log."""
        try:
            text = self._read(f"/apis/v2beta1/runs/{run_id}/tasks/{task_id}/log")
        except (OSError, ValueError):
            return []
        return text.decode(errors="replace").strip().splitlines()[-LOG_LINES:]


@dataclass(frozen=True)
class Step:
    """A step of a run that has started; ``seconds`` once it has ended."""

    task_id: str
    name: str
    state: str
    seconds: float | None
    error: str

    @property
    def told(self) -> str:
        """The step in words."""
        took = f" in {self.seconds:.0f} s" if self.seconds is not None else ""
        return f"{self.name}: {self.state.lower()}{took}"


def list_steps(run: Run) -> list[Step]:
    """Return the run's steps: the tasks that are neither the run itself nor drivers."""
    steps = []
    tasks = (run.get("run_details") or {}).get("task_details") or []
    nested = any(task.get("parent_task_id") for task in tasks)
    for task in tasks:
        if nested and not task.get("parent_task_id"):
            continue
        name = task.get("display_name") or task.get("task_id") or "?"
        if name == "root" or name.endswith(("-driver", ".executor")) or not task.get("start_time"):
            continue
        seconds = seconds_between(task.get("start_time"), task.get("end_time"))
        error = (task.get("error") or {}).get("message", "")
        state = task.get("state") or "PENDING"
        steps.append(Step(task.get("task_id", ""), name, state, seconds, error))
    return steps


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Return the seconds between two RFC 3339 times, where both are known."""
    if not start or not end:
        return None
    return round((_time(end) - _time(start)).total_seconds(), 1)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def goes_on(runs: Runs, run_id: str) -> bool:
    """Say whether a run goes on; one that is gone does not.

    Raises:
        TaskError: the server does not say.
    """
    trouble: Exception | None = None
    for _ in moments(PATIENCE, INTERVAL):
        try:
            return str(runs.read_run(run_id).get("state") or "") not in FINAL
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return False
            trouble = _passing(error, run_id)
        except (OSError, ValueError) as error:
            trouble = error
    sentence = f"The pipeline server does not say how run {run_id} is: {trouble}"
    raise TaskError(sentence) from trouble


def _passing(error: urllib.error.HTTPError, run_id: str) -> Exception:
    """Return an answer that may be another one soon; raise any other as a sentence."""
    if error.code < 500:
        sentence = f"The pipeline server refused to show run {run_id}: {error}"
        raise TaskError(sentence) from error
    return error


def follow(runs: Runs, run_id: str, timeout: float, say: Say) -> Run:
    """Return a run when it has ended, in whatever way; say each step as it starts and ends.

    Raises:
        TaskError: it has not ended after ``timeout`` seconds, or the server stopped answering.
    """
    seen: dict[str, str] = {}
    began = heard = time.monotonic()
    run: Run = {}
    for _ in moments(timeout, INTERVAL):
        now = time.monotonic()
        run = {}
        try:
            run = runs.read_run(run_id)
            heard = now
        except urllib.error.HTTPError as error:
            _passing(error, run_id)
        except (OSError, ValueError) as error:
            if now - heard > PATIENCE:
                raise TaskError(
                    f"The pipeline server has not answered for {PATIENCE:.0f} s: {error}"
                ) from error
        for step in list_steps(run):
            if seen.get(step.task_id) != step.state:
                seen[step.task_id] = step.state
                say(f"  {now - began:5.0f} s  {step.told}")
        if run.get("state") in FINAL:
            return run
    raise TaskError(
        f"The pipeline run {run_id} had not ended after {timeout:g} s; "
        f"its state is {run.get('state', 'unknown')}."
    )


def explain_failure(run: Run, runs: Runs) -> str:
    """Say which step of a run failed, why, and how its log ended."""
    run_id = str(run.get("run_id", ""))
    error = (run.get("error") or {}).get("message", "")
    lines = [f"The pipeline run {run_id} ended as {run.get('state')}. {error}".strip()]
    for step in list_steps(run):
        if step.state == "FAILED":
            lines.append(f"Step {step.name} failed: {step.error or 'no reason was reported'}")
            lines += [f"    {line}" for line in runs.read_log(run_id, step.task_id)]
    return "\n".join(lines)
