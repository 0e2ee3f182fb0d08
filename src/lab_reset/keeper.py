"""The process that keeps seats' Leases for as long as a playbook runs, however that ends."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

from lab_ground.processes import Watched
from lab_reset import lease

# After an error of the API, which may be away for a moment: well before a Lease would end.
RETRY_AFTER = 1


def keep(leases: Iterable[lease.Lease], watched: Watched, pause: float = 0.5) -> None:
    """Renew ``leases`` while ``watched`` lives, then give them back.

    A Lease that has become another's is let go of; an error is tried again.
    """
    due = dict.fromkeys(leases, time.monotonic() + lease.RENEW_EVERY)
    while due and watched.lives():
        for held, at in list(due.items()):
            if time.monotonic() < at:
                continue
            try:
                if held.renew():
                    due[held] = time.monotonic() + lease.RENEW_EVERY
                else:
                    del due[held]
            except Exception:
                due[held] = time.monotonic() + RETRY_AFTER
        time.sleep(pause)
    for held in due:
        give_back(held)


def give_back(held: lease.Lease, tries: int = 5) -> None:
    """Release a Lease; where the API stays away it ends by itself."""
    for _ in range(tries):
        try:
            held.release()
        except Exception:
            time.sleep(RETRY_AFTER)
        else:
            return


def detach(work: Callable[[Callable[[str], None]], None]) -> str:
    """Run ``work`` in a process of its own, which outlives this one; return what it reports.

    ``work`` gets a function that reports one text, and goes on after it. Empty: it ended without.
    It begins before this process has connected anywhere: neither connections nor the files that a
    client keeps its certificates in outlast the process that made them.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        os.waitpid(child, 0)
        with os.fdopen(reading, encoding="utf-8") as report:
            return report.read()
    try:
        os.setsid()
        if os.fork() == 0:
            # Only the way back to who began stays open.
            os.dup2(writing, 3)
            os.closerange(4, os.sysconf("SC_OPEN_MAX"))
            for stream in range(3):
                os.dup2(os.open(os.devnull, os.O_RDWR), stream)
            os.closerange(4, 8)
            os.chdir("/")
            work(_report)
    finally:
        # Not the way a module ends: that is for the process that began.
        os._exit(0)


def _report(text: str) -> None:
    """Tell who began, once."""
    with os.fdopen(3, "w", encoding="utf-8") as way:
        way.write(text)
