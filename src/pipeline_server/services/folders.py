"""Folders in the object store: what is in one, and all of it as one archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from pipeline_server.errors import TooLargeError
from pipeline_server.object_store import ObjectStore, StoredObject, split_uri
from pipeline_server.services import archives

# Files of a folder that are listed, and that an archive holds at most, as its bytes.
MAXIMUM_FILES = 500
MAXIMUM_PACKED_FILES = 10_000
MAXIMUM_PACKED_BYTES = 8 << 30
ARCHIVE_TYPE = "application/zip"


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an artifact, a file or a folder's archive, as a stream.

    ``size`` in bytes is None where it is known at the end only: of an archive.
    """

    name: str
    size: int | None
    chunks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class FolderFile:
    """A file of a folder: ``path`` is its place there, and not always plain (``is_plain``)."""

    path: str
    stored: StoredObject


@dataclass(frozen=True, slots=True)
class Folder:
    """The first files of a folder, by their keys; ``more`` when there are others."""

    files: tuple[FolderFile, ...] = ()
    more: bool = False


def is_plain(path: str) -> bool:
    """Whether a path leads to one place in every store: no part of it is empty or made of dots."""
    return not any(part in ("", ".", "..") for part in path.split("/"))


def name_of(uri: str) -> str:
    """The last part of an address."""
    return uri.rstrip("/").rsplit("/", 1)[-1]


def list_folder(store: ObjectStore, uri: str, limit: int) -> Folder:
    """The files below an address; folders' own marks are none."""
    below = uri.rstrip("/") + "/"
    _, prefix = split_uri(below)
    found = [
        FolderFile(item.key.removeprefix(prefix), item)
        for item in store.list(below, limit + 1)
        if not item.key.endswith("/")
    ]
    return Folder(tuple(found[:limit]), len(found) > limit)


def pack(store: ObjectStore, name: str, folder: Folder) -> Content:
    """All files of a folder as a zip archive, read and made while it is sent.

    Raises:
        TooLargeError: it has more files or bytes than an archive holds.
    """
    size = sum(file.stored.size for file in folder.files)
    if folder.more or size > MAXIMUM_PACKED_BYTES:
        held = f"more than {MAXIMUM_PACKED_FILES} files" if folder.more else f"{size} bytes"
        raise TooLargeError(
            f"folder {name!r} has {held}; an archive holds {MAXIMUM_PACKED_FILES} files and "
            f"{MAXIMUM_PACKED_BYTES} bytes: open its files one by one, or read the bucket"
        )
    (root,) = archives.safe_names([name.replace("/", "_") or "folder"])
    names = archives.safe_names([file.path for file in folder.files])
    entries = (
        (entry, file.stored.size, partial(_chunks, store, file.stored))
        for entry, file in zip(names, folder.files, strict=True)
    )
    return Content(f"{root}.zip", None, archives.pack(root, entries))


def _chunks(store: ObjectStore, item: StoredObject) -> Iterator[bytes]:
    chunks, _ = store.open(f"s3://{item.bucket}/{item.key}")
    return chunks
