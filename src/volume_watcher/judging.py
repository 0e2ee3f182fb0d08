"""What is to be done about a volume of a size; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MEBI = 1024 * 1024
# Directories and journals are more than the files in them.
SLACK = 16 * MEBI
WARN_FROM = 0.9
# Less than this is no writing: a program that is about to end writes its last lines.
GROWTH = MEBI


class Act(Enum):
    """What to do."""

    NOTHING = "nothing"
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True)
class Level:
    """How a volume was when it was looked at; ``stopped_at`` has its bytes at the last stop."""

    used: int = 0
    warned: bool = False
    stopped_at: int | None = None


def judge(used: int, claimed: int, before: Level) -> tuple[Act, Level]:
    """Say what to do about a volume, and how it is to be remembered.

    Who writes into a volume that is over its size is stopped. Who comes after may read and delete:
    they are stopped when it has grown again.
    """
    if used > claimed + SLACK:
        grown = before.stopped_at is None or used > before.stopped_at + GROWTH
        if grown:
            return Act.STOP, Level(used, warned=True, stopped_at=used)
        # What was deleted is not to be written again.
        lowest = min(used, before.stopped_at or used)
        return Act.NOTHING, Level(used, warned=True, stopped_at=lowest)
    if used >= claimed * WARN_FROM:
        return (Act.NOTHING if before.warned else Act.WARN), Level(used, warned=True)
    return Act.NOTHING, Level(used)
