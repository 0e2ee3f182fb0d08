"""Programs that a test starts: waiting until they answer, with their log where they do not."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from lab_ground.waiting import wait_for

LOG_SHOWN = 3000


def wait_until_up(
    process: subprocess.Popen[bytes],
    answers: Callable[[], object],
    seconds: float,
    log: Path | None = None,
    *,
    excused: tuple[type[BaseException], ...] = (OSError,),
) -> None:
    """Wait until a program answers.

    Args:
        process: the program.
        answers: says so, or raises something ``excused``.
        seconds: how long it may take.
        log: what it writes; a failure shows the end of it.
        excused: exceptions of ``answers`` that mean not yet.

    Raises:
        AssertionError: it ended instead.
        NotInTimeError: it did not answer in time.
    """

    def told() -> str:
        end = log.read_text(errors="replace")[-LOG_SHOWN:] if log else "it has no log"
        return f"{process.args!r} answers; its log ends:\n{end}"

    def look() -> object:
        assert process.poll() is None, f"it ended: {told()}"
        return answers()

    wait_for(look, seconds, told, 0.05, excused=excused)
