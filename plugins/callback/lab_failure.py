# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Ends a failed playbook with one sentence: which step, which object, the cause, what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

from lab_diagnosis import Finding
from lab_playbook.failures import explain_task, lines_of

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
        return explain_task(
            str(task.action), dict(task.args), result, str(task.get_name()), self._playbook
        )
