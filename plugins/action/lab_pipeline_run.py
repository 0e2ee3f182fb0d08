# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Follows a pipeline run and prints its steps as they start and end."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

FINAL = {"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"}
INTERVAL = 2.0
# The server may be replaced while a run goes on; it takes up again where it was.
PATIENCE = 90.0
LOG_LINES = 12


class PipelinesClient:
    """The few calls of the pipelines API that following a run takes."""

    def __init__(self, url: str, token: str, ca_certificate: str) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._context = ssl.create_default_context(cafile=ca_certificate or None)

    def read(self, path: str) -> bytes:
        """Return the body at a path of the API."""
        request = urllib.request.Request(f"{self._url}{path}", headers=self._headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=15, context=self._context) as reply:  # noqa: S310
            return reply.read()

    def read_run(self, run_id: str) -> dict[str, Any]:
        """Return a run with the details of its tasks."""
        return json.loads(self.read(f"/apis/v2beta1/runs/{run_id}"))

    def read_log(self, run_id: str, task_id: str) -> list[str]:
        """Return the last lines of a task's log, or none where there is no log."""
        try:
            text = self.read(f"/apis/v2beta1/runs/{run_id}/tasks/{task_id}/log")
        except (OSError, ValueError):
            return []
        return text.decode(errors="replace").strip().splitlines()[-LOG_LINES:]


def look_at_run(client: PipelinesClient, run_id: str) -> dict[str, Any]:
    """Say how a run is now, and whether it goes on; one that is gone has no state."""
    began = time.monotonic()
    while True:
        try:
            state = str(client.read_run(run_id).get("state") or "")
            return {"state": state, "going": state not in FINAL}
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {"state": "", "going": False}
            if error.code < 500:
                raise AnsibleActionFail(
                    f"The pipeline server refused to show run {run_id}: {error}"
                ) from error
            trouble: Exception = error
        except (OSError, ValueError) as error:
            trouble = error
        if time.monotonic() - began > PATIENCE:
            raise AnsibleActionFail(
                f"The pipeline server does not say how run {run_id} is: {trouble}"
            ) from trouble
        time.sleep(INTERVAL)


def list_steps(run: dict[str, Any]) -> list[dict[str, Any]]:
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
        steps.append(
            {
                "name": name,
                "state": task.get("state") or "PENDING",
                "seconds": seconds_between(task.get("start_time"), task.get("end_time")),
                "task_id": task.get("task_id", ""),
                "error": (task.get("error") or {}).get("message", ""),
            }
        )
    return steps


def seconds_between(start: str | None, end: str | None) -> float | None:
    """Return the seconds between two RFC 3339 times, where both are known."""
    if not start or not end:
        return None
    return round((parse_time(end) - parse_time(start)).total_seconds(), 1)


def parse_time(text: str) -> datetime:
    """Parse an RFC 3339 time."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def explain_failure(run: dict[str, Any], client: PipelinesClient) -> str:
    """Say which step of a run failed, why, and how its log ended."""
    run_id = run.get("run_id", "")
    error = (run.get("error") or {}).get("message", "")
    lines = [f"The pipeline run {run_id} ended as {run.get('state')}. {error}".strip()]
    for step in list_steps(run):
        if step["state"] == "FAILED":
            reason = step["error"] or "no reason was reported"
            lines.append(f"Step {step['name']} failed: {reason}")
            lines += [f"    {line}" for line in client.read_log(run_id, step["task_id"])]
    return "\n".join(lines)


class ActionModule(ActionBase):
    """Runs on the controller, so that it can print while it waits."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Follow the run until it ends."""
        super().run(tmp, task_vars)
        _validation, args = self.validate_argument_spec(
            argument_spec={
                "url": {"type": "str", "required": True},
                "token": {"type": "str", "required": True, "no_log": True},
                "ca_certificate": {"type": "str", "default": ""},
                "run_id": {"type": "str", "required": True},
                "timeout": {"type": "int", "default": 900},
                "follow": {"type": "bool", "default": True},
            }
        )
        if self._task.check_mode:
            return {"skipped": True, "msg": "There is no run to follow in check mode."}
        client = PipelinesClient(args["url"], args["token"], args["ca_certificate"])
        if not args["follow"]:
            return {"changed": False, **look_at_run(client, args["run_id"])}
        run = self._follow(client, args["run_id"], args["timeout"])
        if run.get("state") != "SUCCEEDED":
            raise AnsibleActionFail(explain_failure(run, client))
        shown = ("name", "state", "seconds")
        steps = [{key: step[key] for key in shown} for step in list_steps(run)]
        return {
            "changed": False,
            "state": run["state"],
            "seconds": seconds_between(run.get("created_at"), run.get("finished_at")),
            "steps": steps,
        }

    def _follow(self, client: PipelinesClient, run_id: str, timeout: int) -> dict[str, Any]:
        display = Display()
        seen: dict[str, str] = {}
        began = heard = time.monotonic()
        while True:
            now = time.monotonic()
            try:
                run = client.read_run(run_id)
                heard = now
            except urllib.error.HTTPError as error:
                if error.code < 500:
                    raise AnsibleActionFail(
                        f"The pipeline server refused to show run {run_id}: {error}"
                    ) from error
                run = {}
            except (OSError, ValueError) as error:
                if now - heard > PATIENCE:
                    raise AnsibleActionFail(
                        f"The pipeline server has not answered for {PATIENCE:.0f} s: {error}"
                    ) from error
                run = {}
            for step in list_steps(run):
                if seen.get(step["task_id"]) != step["state"]:
                    seen[step["task_id"]] = step["state"]
                    took = f" in {step['seconds']:.0f} s" if step["seconds"] is not None else ""
                    display.display(
                        f"  {now - began:5.0f} s  {step['name']}: {step['state'].lower()}{took}"
                    )
            if run.get("state") in FINAL:
                return run
            if now - began > timeout:
                raise AnsibleActionFail(
                    f"The pipeline run {run_id} had not ended after {timeout} s; "
                    f"its state is {run.get('state', 'unknown')}."
                )
            time.sleep(INTERVAL)
