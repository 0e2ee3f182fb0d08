"""How much of bodies is kept at once.

Who sends many of them to a function that never answers must not take the memory that all share.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Up to here a body is kept, so that it can be sent to another pod if one does not answer.
LARGEST = 1024 * 1024
TOTAL = 32 * 1024 * 1024
# Of a body that is passed on as it comes, twice this is read ahead (aiohttp has 64 KiB).
READ_AHEAD = 16 * 1024


class Memory:
    """Counts what is kept; sizes are in bytes."""

    def __init__(self, total: int = TOTAL, largest: int = LARGEST) -> None:
        self._total, self._largest = total, largest
        self.held = 0

    @contextmanager
    def room(self, size: int | None) -> Iterator[bool]:
        """Whether a body of this size may be kept; its room is taken as long as the block runs.

        Where it may not, it is passed on as it comes.
        """
        if size is None or size > self._largest or self.held + size > self._total:
            yield False
            return
        self.held += size
        try:
            yield True
        finally:
            self.held -= size
