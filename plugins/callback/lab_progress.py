"""Shows people where a run is: its phase, the time gone by, and the time that it usually takes."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.callback.default import CallbackModule as Default

try:
    from lab_diagnosis.tasks import message_of
    from lab_playbook.phases import PhaseTimes, clock, summary
except ModuleNotFoundError as error:
    # The first of the suite's plugins that any playbook loads, so it speaks for all of them.
    raise AnsibleError(
        f"{sys.executable} has no {error.name}, which this suite's plugins need: run the "
        "playbooks by ./lab, or in its environment (./lab venv lab; . .lab/venv/bin/activate)."
    ) from None

DOCUMENTATION = r"""
name: lab_progress
type: stdout
short_description: Phases with the time gone by and the usual time, one line for each task
description:
  - A play is a phase. Its usual time is what it took on this machine before, kept in the cache.
  - With -v, and for whatever fails, the output is that of the default callback; without -v a
    failure shows its message in place of its JSON.
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout_callback in ansible.cfg
"""

# How often a task that takes long says so where output is not a terminal.
REMINDER = 30


class CallbackModule(Default):
    """The default output, shortened to a line a task and grouped by phase."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "lab_progress"

    def __init__(self) -> None:
        """Start the clock."""
        super().__init__()
        self._began = time.monotonic()
        self._phases: list[tuple[str, float, int, bool]] = []
        self._phase = ""
        self._phase_began = self._began
        self._changes = 0
        self._failed = False
        self._tells_failure = False
        self._plays = 0
        self._number = 0
        self._task_name = ""
        self._task_began = self._began
        self._changed_items = 0
        self._pause: threading.Event | None = None
        cache = Path(os.environ.get("LAB_CACHE", "/var/cache/mnist-lab"))
        self._times = PhaseTimes(cache / "phase-times.json")

    # Phases

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Count the phases."""
        self._plays = len(playbook.get_plays())

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Announce a phase with its usual time."""
        self._end_phase()
        self._play = play
        self._number += 1
        self._phase = play.get_name().strip() or "unnamed"
        self._phase_began = time.monotonic()
        self._changes = 0
        usual = self._times.usual(self._phase)
        gone = clock(self._phase_began - self._began)
        check = ", check mode" if play.check_mode else ""
        self._display.display(
            f"==> {self._number}/{self._plays}  {self._phase}  [{gone} gone by; {usual}{check}]",
            color=constants.COLOR_HIGHLIGHT,
        )

    def _end_phase(self) -> None:
        self._stop_reminder()
        if self._phase:
            seconds = time.monotonic() - self._phase_began
            self._phases.append((self._phase, seconds, self._changes, self._failed))
            if not self._failed:
                self._times.learn(self._phase, seconds, changed=bool(self._changes))
        self._phase = ""

    # Tasks

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Remember which task runs, and remind of it when it takes long."""
        super().v2_playbook_on_task_start(task, is_conditional)
        self._stop_reminder()
        self._task_name = task.get_name().strip()
        self._task_began = time.monotonic()
        self._changed_items = 0
        self._pause = threading.Event()
        threading.Thread(
            target=self._remind, args=(self._pause, self._task_name, self._task_began), daemon=True
        ).start()

    def _print_task_banner(self, task: Any) -> None:
        if self._display.verbosity or self._failed:
            super()._print_task_banner(task)

    def _remind(self, over: threading.Event, name: str, began: float) -> None:
        # os.write takes no lock, so a worker that is forked meanwhile cannot inherit a held one.
        while not over.wait(REMINDER):
            line = f"    {clock(time.monotonic() - began):>6}  still at: {name}\n"
            with contextlib.suppress(OSError):
                os.write(sys.__stdout__.fileno() if sys.__stdout__ else 1, line.encode())

    def _stop_reminder(self) -> None:
        if self._pause is not None:
            self._pause.set()
            self._pause = None

    def _line(self, result: Any, word: str, color: str) -> None:
        self._stop_reminder()
        seconds = time.monotonic() - self._task_began
        self._display.display(
            f"    {clock(seconds):>6}  {word:8} {result._task.get_name().strip()}", color=color
        )

    def v2_runner_on_ok(self, result: Any) -> None:
        """One line for a task; what debug says is shown in full."""
        changed = result._result.get("changed", False)
        self._changes += bool(changed)
        if self._display.verbosity:
            super().v2_runner_on_ok(result)
            return
        self._line(
            result,
            "changed" if changed else "ok",
            constants.COLOR_CHANGED if changed else constants.COLOR_OK,
        )
        for message in self._messages(result):
            self._display.display(f"            {message}")
        self._handle_warnings(result._result)

    def _messages(self, result: Any) -> list[str]:
        if result._task.action not in ("debug", "ansible.builtin.debug"):
            return []
        message = result._result.get("msg", "")
        lines = message if isinstance(message, list) else str(message).splitlines()
        return [str(line) for line in lines]

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Skipped tasks are of no interest without -v."""
        if self._display.verbosity:
            super().v2_runner_on_skipped(result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Items are counted with their task."""
        if self._display.verbosity:
            super().v2_runner_item_on_ok(result)

    def v2_runner_item_on_skipped(self, result: Any) -> None:
        """Likewise."""
        if self._display.verbosity:
            super().v2_runner_item_on_skipped(result)

    def v2_runner_retry(self, result: Any) -> None:
        """A wait that asks once more has not failed; the reminder says what it is at."""
        if self._display.verbosity:
            super().v2_runner_retry(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """What fails is shown in full."""
        self._stop_reminder()
        if not ignore_errors:
            self._failed = True
        with self._telling():
            super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """So is an item."""
        with self._telling():
            super().v2_runner_item_on_failed(result)

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        self._tells_failure = True
        yield
        self._tells_failure = False

    def _dump_results(self, result: dict[str, Any], *args: Any, **kwargs: Any) -> str:
        """A failed result as its message; all of it with -v."""
        if self._tells_failure and not self._display.verbosity:
            return message_of(result)
        return str(super()._dump_results(result, *args, **kwargs))

    def v2_playbook_on_include(self, included_file: Any) -> None:
        """Included files are of no interest without -v."""
        if self._display.verbosity:
            super().v2_playbook_on_include(included_file)

    # End

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The time of each phase, what changed, and where the cluster is to be found."""
        self._end_phase()
        for line in summary(self._phases, time.monotonic() - self._began):
            self._display.display(line)
        kubeconfig = os.environ.get("KUBECONFIG", "")
        if kubeconfig and Path(kubeconfig).exists():
            self._display.display(f"  kubeconfig: {kubeconfig}")
        super().v2_playbook_on_stats(stats)
        self._times.save()
