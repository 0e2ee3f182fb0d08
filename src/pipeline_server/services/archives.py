"""A folder as a zip archive, made while it is sent: no file of it is held whole, nowhere.

Names within an archive are safe wherever it is unpacked: they stay below one folder, hold nothing
that Windows refuses, and no two are the same to a file system that ignores case.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import PurePosixPath

# What Windows does not take in a name, and what ends a line or a text.
_REFUSED = re.compile(r'[<>:"\\|?*\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')
# Names of devices there, whatever follows the dot.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
# File systems take 255 bytes; a number and a joint may be added.
MAXIMUM_NAME = 200
MAXIMUM_SUFFIX = 20
# Fast: what is sent is mostly numbers, and a learner waits.
LEVEL = 1
_LARGE = 1 << 31

Opener = Callable[[], Iterable[bytes]]


def safe_names(paths: Sequence[str]) -> list[str]:
    """A name for each of some different paths, below one folder; in the order of the paths."""
    parts = [tuple(_safe_part(part) for part in path.split("/")) for path in paths]
    taken = {_folded(path[:length]) for path in parts for length in range(1, len(path))}
    names = []
    for path in parts:
        name = path
        for number in count(2):
            if _folded(name) not in taken:
                break
            name = (*path[:-1], _numbered(path[-1], number))
        taken.add(_folded(name))
        names.append("/".join(name))
    return names


def pack(folder: str, files: Iterable[tuple[str, int, Opener]]) -> Iterator[bytes]:
    """Give a zip archive part by part: of each file its name, its size in bytes, its content.

    What a file's content raises ends the archive where it is, without the table at its end, so
    that no one takes it for whole.
    """
    outlet = _Outlet()
    moment = datetime.now(UTC).timetuple()[:6]
    archive = zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)
    for name, size, content in files:
        entry = zipfile.ZipInfo(f"{folder}/{name}", moment)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        with archive.open(entry, "w", force_zip64=size >= _LARGE) as target:
            for chunk in content():
                target.write(chunk)
                yield from outlet.taken()
    archive.close()
    yield from outlet.taken()


def _safe_part(part: str) -> str:
    clean = _REFUSED.sub("_", part).rstrip(". ")
    if _DEVICE.match(clean):
        clean = f"_{clean}"
    return _cut(clean) or "_"


def _cut(part: str) -> str:
    """As much of a name as a file system takes, with its ending."""
    if len(part.encode()) <= MAXIMUM_NAME:
        return part
    suffix = PurePosixPath(part).suffix
    suffix = suffix if len(suffix.encode()) <= MAXIMUM_SUFFIX else ""
    room = MAXIMUM_NAME - len(suffix.encode())
    return part.encode()[:room].decode(errors="ignore") + suffix


def _numbered(part: str, number: int) -> str:
    stem, dot, suffix = part.rpartition(".")
    return f"{stem} ({number}){dot}{suffix}" if stem else f"{part} ({number})"


def _folded(path: Sequence[str]) -> str:
    return "/".join(path).casefold()


class _Outlet(io.RawIOBase):
    """Where an archive is written to, and taken from; it cannot go back."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._written += part
        return len(part)

    def taken(self) -> Iterator[bytes]:
        """Give what was written since, if anything."""
        if self._written:
            part = bytes(self._written)
            self._written.clear()
            yield part
