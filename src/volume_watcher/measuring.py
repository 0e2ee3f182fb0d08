"""How much of the disk a directory takes."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_BLOCK = 512  # What st_blocks counts in, whatever the file system's own blocks are.


def allocated_bytes(directory: Path) -> int:
    """Return the bytes that the files below a directory have on the disk.

    Holes do not count, a file with several names counts once, links are not followed, and what goes
    while it is looked at is left out.
    """
    total = 0
    seen: set[tuple[int, int]] = set()
    waiting = [directory]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    found = entry.stat(follow_symlinks=False)
                    if found.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                        if (found.st_dev, found.st_ino) in seen:
                            continue
                        seen.add((found.st_dev, found.st_ino))
                    total += found.st_blocks * _BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
    return total


def free_bytes(directory: Path) -> int:
    """Return what is free on the directory's file system."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize
