"""A folder as a zip: every file once, below one folder, under a name that any system takes."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline_server.services import archives

SIGNS = 'aAbé.. _-:*?"<>|\\\0\n€😀\x9f\u2028'
PARTS = st.text(st.sampled_from(SIGNS), max_size=6) | st.sampled_from(
    ["", ".", "..", "con", "NUL.txt", "x" * 300 + ".csv", "é" * 150, "C:", "a."]
)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
FOLDERS = st.lists(PATHS, min_size=1, max_size=8, unique=True)


def packed(files: dict[str, bytes], root: str = "model") -> bytes:
    names = archives.safe_names(list(files))
    entries = [
        (name, len(content), lambda content=content: iter([content[:3], content[3:]]))
        for name, content in zip(names, files.values(), strict=True)
    ]
    return b"".join(archives.pack(root, entries))


@settings(deadline=None)
@given(FOLDERS)
@example(["a", "a/b"])
@example(["a/b", "A/b", "a/B"])
@example(["../x", "/x", "x", "./x"])
@example(["a", "a (2)", "A"])
def test_every_file_is_unpacked_once_and_stays_below_the_folder(paths: list[str]) -> None:
    files = {path: f"content of {number}".encode() for number, path in enumerate(paths)}
    with zipfile.ZipFile(io.BytesIO(packed(files))) as archive, TemporaryDirectory() as place:
        assert archive.testzip() is None
        names = archive.namelist()
        archive.extractall(Path(place, "here"))
        below = [path for path in Path(place).rglob("*") if path.is_file()]
        assert all(path.is_relative_to(Path(place, "here", "model")) for path in below)
        read = {path.read_bytes() for path in below}
        assert len(below) == len(paths)
        assert read == set(files.values())
        assert [archive.read(name) for name in names] == list(files.values())


@given(FOLDERS)
def test_a_name_is_one_for_every_system(paths: list[str]) -> None:
    names = archives.safe_names(paths)
    assert len({name.casefold() for name in names}) == len(paths)
    folders = {str(above).casefold() for name in names for above in PurePosixPath(name).parents}
    assert not folders & {name.casefold() for name in names}, "a file where a folder is"
    for part in (part for name in names for part in name.split("/")):
        assert part not in ("", ".", "..")
        assert len(part.encode()) <= 255
        assert not set(part) & set('<>:"\\|?*\0\n')
        assert part == part.rstrip(". ")


@pytest.mark.parametrize("path", ["a.txt", "sub/b.txt", "Ziffern/Übung 1 (2).csv", ".hidden"])
def test_a_name_that_any_system_takes_stays_as_it_is(path: str) -> None:
    assert archives.safe_names([path]) == [path]


def test_what_cannot_be_read_leaves_an_archive_that_no_one_takes_for_whole() -> None:
    def broken() -> Iterator[bytes]:
        yield b"begins"
        raise OSError("the store is away")

    parts = archives.pack("model", [("a", 3, lambda: iter([b"one"])), ("b", 9, broken)])
    read = bytearray(next(parts))
    with pytest.raises(OSError, match="away"):
        read.extend(itertools.chain.from_iterable(parts))
    assert not zipfile.is_zipfile(io.BytesIO(read))


def test_a_large_folder_is_never_held_whole() -> None:
    """The first bytes are there before the second file is asked for."""
    asked: list[str] = []

    def content(name: str) -> Iterator[bytes]:
        asked.append(name)
        yield bytes(1 << 16)

    parts = archives.pack("m", [(name, 1 << 16, lambda name=name: content(name)) for name in "ab"])
    next(parts)
    assert asked == ["a"]
    sum(len(part) for part in parts)
    assert asked == ["a", "b"]
