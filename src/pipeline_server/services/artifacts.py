"""Artifacts of runs: what they are, and their bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from pipeline_server.database.connection import Database
from pipeline_server.database.models import Artifact, Run
from pipeline_server.errors import InvalidArgumentError, NotFoundError, TooLargeError
from pipeline_server.object_store import SCHEMES, ObjectStore, StoredObject, split_uri
from pipeline_server.services import archives, runs

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

    files: tuple[FolderFile, ...]
    more: bool = False


class ArtifactService:
    """Reads artifacts."""

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    def list(self, run_id: str) -> Sequence[Artifact]:
        """What the run's steps made, oldest first."""
        with self._database.session() as session:
            runs.find(session, run_id)
            statement = sa.select(Artifact).where(Artifact.run_id == run_id)
            return list(session.scalars(statement.order_by(Artifact.created_at, Artifact.id)))

    def get(self, artifact_id: str, run_id: str = "") -> Artifact:
        """One artifact; with a run, only if the run made or read it."""
        with self._database.session() as session:
            artifact = session.get(Artifact, artifact_id)
            if artifact is None:
                raise NotFoundError(f"there is no artifact {artifact_id!r}")
            foreign = bool(run_id) and artifact.run_id != run_id
            if foreign and artifact_id not in runs.artifact_ids(session, run_id):
                raise NotFoundError(f"run {run_id!r} has no artifact {artifact_id!r}")
            return artifact

    def open(self, artifact_id: str, run_id: str = "", path: str = "") -> Content:
        """Its bytes, of a folder those of its archive; with ``path`` those of a folder's file.

        Raises:
            NotFoundError: the store has no such object, and nothing below it.
            TooLargeError: a folder has more in it than is packed.
        """
        artifact = self.get(artifact_id, run_id)
        uri = artifact.uri
        if path:
            if not is_plain(path):
                raise NotFoundError(f"artifact {artifact_id!r} has no file {path!r}")
            uri = f"{uri.rstrip('/')}/{path}"
        try:
            chunks, size = self._store.open(uri)
        except NotFoundError:
            if path or not (folder := self._folder(uri, MAXIMUM_PACKED_FILES)).files:
                raise
            return self._packed(artifact.uri.rstrip("/").rsplit("/", 1)[-1], folder)
        return Content(uri.rstrip("/").rsplit("/", 1)[-1] or artifact.name, size, chunks)

    def folder(self, artifact_id: str, run_id: str = "") -> Folder:
        """The files of an artifact that is a folder; none where it is a file, or nothing."""
        artifact = self.get(artifact_id, run_id)
        if not artifact.uri.startswith(SCHEMES):
            return Folder(())
        return self._folder(artifact.uri, MAXIMUM_FILES)

    def _folder(self, uri: str, limit: int) -> Folder:
        below = uri.rstrip("/") + "/"
        _, prefix = split_uri(below)
        found = [
            FolderFile(item.key.removeprefix(prefix), item)
            for item in self._store.list(below, limit + 1)
            if not item.key.endswith("/")
        ]
        return Folder(tuple(found[:limit]), len(found) > limit)

    def _packed(self, name: str, folder: Folder) -> Content:
        size = sum(file.stored.size for file in folder.files)
        if folder.more or size > MAXIMUM_PACKED_BYTES:
            held = f"more than {MAXIMUM_PACKED_FILES} files" if folder.more else f"{size} bytes"
            raise TooLargeError(
                f"folder {name!r} has {held}; an archive holds {MAXIMUM_PACKED_FILES} files and "
                f"{MAXIMUM_PACKED_BYTES} bytes: open its files one by one, or read the bucket"
            )
        (root,) = archives.safe_names([name or "folder"])
        names = archives.safe_names([file.path for file in folder.files])
        entries = (
            (entry, file.stored.size, partial(self._chunks, file.stored))
            for entry, file in zip(names, folder.files, strict=True)
        )
        return Content(f"{root}.zip", None, archives.pack(root, entries))

    def _chunks(self, item: StoredObject) -> Iterator[bytes]:
        chunks, _ = self._store.open(f"s3://{item.bucket}/{item.key}")
        return chunks

    def files(self, run_id: str) -> Sequence[StoredObject]:
        """Objects that belong to the run though no step declared them: Elyra's outputs.

        Elyra writes the html and ipynb of every notebook under ``<run's own name>/`` in the
        bucket that its steps' environment names.
        """
        with self._database.session() as session:
            run = runs.find(session, run_id, full=True)
        found: list[StoredObject] = []
        for prefix in sorted(_elyra_prefixes(run, self._store.bucket)):
            found.extend(self._store.list(prefix, MAXIMUM_FILES))
        return found

    def open_files(self, run_id: str) -> Content:
        """All of ``files`` as one archive, each below the folder that its run wrote it to.

        Raises:
            NotFoundError: there are none.
            TooLargeError: they have more in them than is packed.
        """
        with self._database.session() as session:
            run = runs.find(session, run_id, full=True)
        prefixes = sorted(_elyra_prefixes(run, self._store.bucket))
        folders = [(prefix, self._folder(prefix, MAXIMUM_PACKED_FILES)) for prefix in prefixes]
        found = [
            FolderFile(f"{split_uri(prefix)[1]}{file.path}", file.stored)
            for prefix, folder in folders
            for file in folder.files
        ]
        if not found:
            raise NotFoundError(f"run {run_id!r} has no files")
        more = any(folder.more for _, folder in folders) or len(found) > MAXIMUM_PACKED_FILES
        return self._packed(run.display_name.replace("/", "_"), Folder(tuple(found), more))

    def open_file(self, run_id: str, key: str) -> Content:
        """The bytes of one of ``files``; nothing else can be read through this."""
        known = {item.key: item for item in self.files(run_id)}
        if key not in known:
            raise NotFoundError(f"run {run_id!r} has no file {key!r}")
        item = known[key]
        chunks, size = self._store.open(f"s3://{item.bucket}/{item.key}")
        return Content(item.key.rsplit("/", 1)[-1], size, chunks)


def is_plain(path: str) -> bool:
    """Whether a path leads to one place in every store: no part of it is empty or made of dots."""
    return not any(part in ("", ".", "..") for part in path.split("/"))


def _elyra_prefixes(run: Run, own_bucket: str) -> set[str]:
    """Where Elyra's steps put their files: read off their bootstrapper's arguments."""
    prefixes = set()
    executors = (
        run.document.content.get("pipeline_spec", {}).get("deploymentSpec", {}).get("executors", {})
    )
    for executor in executors.values():
        container = executor.get("container", {})
        words = " ".join(str(word) for word in container.get("args", [])).split()
        options = {
            word.strip("'\""): following.strip("'\"")
            for word, following in itertools.pairwise(words)
            if word.startswith("--cos-")
        }
        directory = options.get("--cos-directory", "")
        if directory and "$" not in directory and ".." not in directory:
            bucket = options.get("--cos-bucket") or own_bucket
            try:
                split_uri(f"s3://{bucket}/{directory}")
            except InvalidArgumentError:
                continue
            prefixes.add(f"s3://{bucket}/{directory.rstrip('/')}/")
    return prefixes
