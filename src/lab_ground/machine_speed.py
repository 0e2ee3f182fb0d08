"""How fast this machine is, by one loop that always does the same work.

Times of different machines are compared by it: a benchmark writes it beside its figures, and what a
phase usually takes is scaled by it where this machine has no figures of its own yet.
"""

from __future__ import annotations

import time

# What the loop takes on the machine on which the suite's usual times were measured: two cores
# of an AMD EPYC, Debian's Python 3.11.
REFERENCE_SECONDS = 0.047
ROUNDS = 1_000_000
# A loop that was interrupted took longer; the shortest of a few tells the machine's own speed.
TRIES = 3


def loop_seconds(rounds: int = ROUNDS, tries: int = TRIES) -> float:
    """Seconds of one core that the loop takes, the shortest of the tries."""
    return min(_one(rounds) for _ in range(tries))


def _one(rounds: int) -> float:
    number = 1
    started = time.thread_time()
    for _ in range(rounds):
        number = (number * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return time.thread_time() - started


def slowness() -> float:
    """How many times longer this machine takes than the one of the usual times; 1 is the same."""
    return loop_seconds() / REFERENCE_SECONDS
