# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Ends a failed playbook with one sentence: which step, which object, the cause, what to do."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

from lab_diagnosis import Evidence, Finding, diagnose
from lab_diagnosis.causes import finding_of_message
from lab_diagnosis.collect import collect, connect, explain_error, locate
from lab_diagnosis.tasks import TIMED_OUT, Suspect, failed_items, message_of, suspects

DOCUMENTATION = r"""
name: lab_failure
type: notification
short_description: End a failed playbook with the cause in one sentence
description:
  - Remembers the last task that failed and was not rescued. When the playbook has ended, it looks
    at the object that the task was about and says why it is not as it should be.
requirements:
  - enabled in ansible.cfg
"""

ROOT = Path(__file__).resolve().parents[2]
MOST_SUSPECTS = 3
WIDTH = 100


class CallbackModule(CallbackBase):
    """Remembers failures; speaks once, at the very end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "lab_failure"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._failure: Any = None
        self._items: dict[str, list[dict[str, Any]]] = {}
        self._playbook = ""

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Remember which playbook runs, for the command that says more."""
        self._playbook = Path(str(playbook._file_name)).stem

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Keep a loop's failed items: the loop's own result may come without them."""
        item = {**result._result, "failed": True}
        self._items.setdefault(str(result._task._uuid), []).append(item)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Remember the failure; whether it was rescued is known at the end."""
        if not ignore_errors:
            self._failure = result

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """A machine that does not answer is a failure too."""
        self._failure = result

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Say why, if the playbook has failed."""
        hosts = stats.processed
        if self._failure is None or not any(
            stats.summarize(host)[key] for host in hosts for key in ("failures", "unreachable")
        ):
            return
        finding = self._explain(self._failure)
        self._display.display("")
        for line in lines_of(finding):
            self._display.display(line, color="red", screen_only=False)

    def _explain(self, failure: Any) -> Finding:
        result: dict[str, Any] = dict(failure._result)
        task = failure._task
        items = self._items.get(str(task._uuid))
        if items:
            result["results"] = items
        step = str(task.get_name())
        if result.get("sentence") and result.get("cause"):
            return Finding(
                str(result["object"]),
                str(result["cause"]),
                str(result["command"]),
                str(result.get("step") or step),
            )
        again = "./lab up" if self._playbook == "site" else f"./lab run {self._playbook}"
        fallback = finding_of_message(step, message_of(result), f"{again} -vv")
        if result.get("censored"):
            return fallback
        found = look_at(suspects(str(task.action), dict(task.args), result), step)
        if found is None or (says_why(result) and not explains(found)):
            return fallback
        return found


def says_why(result: dict[str, Any]) -> bool:
    """Whether the task's own message is a reason, not only that time was up."""
    message = str(failed_items(result)[0].get("msg") or "")
    return bool(message) and not TIMED_OUT.search(message) and "Retries" not in message


def explains(finding: Finding) -> bool:
    """Whether a finding says more than that there is nothing to see."""
    return finding.certain and not finding.cause.startswith("does not exist")


def look_at(found: list[Suspect], step: str) -> Finding | None:
    """The most certain finding about the suspects; None when there is none to look at."""
    if not found:
        return None
    try:
        client = connect(kubeconfig())
    except Exception as error:
        first = found[0]
        trouble = Evidence(first.kind, first.name, first.namespace, trouble=explain_error(error))
        return diagnose(trouble, step)
    findings: list[Finding] = []
    for suspect in found[:MOST_SUSPECTS]:
        what = (suspect.kind, suspect.name)
        try:
            places = (
                [suspect.namespace]
                if suspect.namespace
                else locate(client, *what, suspect.api_version)
            )
        except Exception as error:
            evidence = Evidence(*what, trouble=explain_error(error))
            findings.append(diagnose(evidence, step))
            continue
        for place in places[:MOST_SUSPECTS]:
            evidence = collect(client, *what, place, suspect.api_version)
            findings.append(diagnose(evidence, step))
    return min(findings, key=lambda finding: not finding.certain, default=None)


def kubeconfig() -> str:
    """The kubeconfig that the playbooks use."""
    own = ROOT / ".lab" / "kubeconfig"
    for path in (os.environ.get("K8S_AUTH_KUBECONFIG"), os.environ.get("KUBECONFIG")):
        if path:
            return path
    return str(own) if own.exists() else ""


def lines_of(finding: Finding) -> list[str]:
    """The sentence, broken for a terminal; the command stands alone, so that it can be copied."""
    told = Finding(finding.subject, finding.cause, "", finding.step).sentence
    lines = textwrap.wrap(told, WIDTH, break_long_words=False, break_on_hyphens=False)
    return [*lines, f"See more with: {finding.command}"] if finding.command else lines
