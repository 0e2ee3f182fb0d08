"""Artifacts of runs: what they are, and their bytes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import sqlalchemy as sa

from pipeline_server.database.connection import Database
from pipeline_server.database.models import Artifact, Run
from pipeline_server.errors import InvalidArgumentError, NotFoundError
from pipeline_server.object_store import SCHEMES, ObjectStore, StoredObject, split_uri
from pipeline_server.services import folders, runs
from pipeline_server.services.folders import Content, Folder, FolderFile


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
        uri = _file_uri(artifact, path)
        try:
            chunks, size = self._store.open(uri)
        except NotFoundError:
            found = Folder() if path else self._list(uri, folders.MAXIMUM_PACKED_FILES)
            if not found.files:
                raise
            return folders.pack(self._store, folders.name_of(uri), found)
        return Content(folders.name_of(uri) or artifact.name, size, chunks)

    def size(self, artifact_id: str, run_id: str = "", path: str = "") -> int:
        """Bytes of an artifact that is a file, or of a folder's file; NotFoundError for none."""
        return self._store.size(_file_uri(self.get(artifact_id, run_id), path))

    def folder(self, artifact_id: str, run_id: str = "") -> Folder:
        """The files of an artifact that is a folder; none where it is a file, or nothing."""
        artifact = self.get(artifact_id, run_id)
        if not artifact.uri.startswith(SCHEMES):
            return Folder()
        return self._list(artifact.uri, folders.MAXIMUM_FILES)

    def files(self, run_id: str, limit: int = 0) -> Folder:
        """Files that belong to the run though no step declared them: Elyra's outputs.

        Elyra writes the html and ipynb of every notebook under ``<run's own name>/`` in the
        bucket that its steps' environment names. Paths are those there, folder and all if a run
        has several; at most ``limit`` are given, by default as many as are listed.
        """
        limit = limit or folders.MAXIMUM_FILES
        prefixes = self._prefixes(run_id)
        found: list[FolderFile] = []
        more = False
        for prefix in prefixes:
            folder = self._list(prefix, limit)
            above = f"{folders.name_of(prefix)}/" if len(prefixes) > 1 else ""
            found += [FolderFile(above + file.path, file.stored) for file in folder.files]
            more = more or folder.more
        return Folder(tuple(found[:limit]), more or len(found) > limit)

    def open_files(self, run_id: str) -> Content:
        """All of ``files`` as one archive.

        Raises:
            NotFoundError: there are none.
            TooLargeError: they have more in them than is packed.
        """
        found = self.files(run_id, folders.MAXIMUM_PACKED_FILES)
        if not found.files:
            raise NotFoundError(f"run {run_id!r} has no files")
        with self._database.session() as session:
            name = runs.find(session, run_id).display_name
        return folders.pack(self._store, name, found)

    def file(self, run_id: str, key: str) -> StoredObject:
        """One of ``files``, by its key; NotFoundError for anything else."""
        for prefix in self._prefixes(run_id):
            bucket, above = split_uri(prefix)
            if key.startswith(above) and folders.is_plain(key.removeprefix(above)):
                return StoredObject(bucket, key, self._store.size(f"s3://{bucket}/{key}"))
        raise NotFoundError(f"run {run_id!r} has no file {key!r}")

    def open_file(self, run_id: str, key: str) -> Content:
        """The bytes of one of ``files``; nothing else can be read through this."""
        item = self.file(run_id, key)
        chunks, size = self._store.open(f"s3://{item.bucket}/{item.key}")
        return Content(folders.name_of(item.key), size, chunks)

    def _list(self, uri: str, limit: int) -> Folder:
        return folders.list_folder(self._store, uri, limit)

    def _prefixes(self, run_id: str) -> Sequence[str]:
        with self._database.session() as session:
            run = runs.find(session, run_id, full=True)
        return sorted(_elyra_prefixes(run, self._store.bucket))


def _file_uri(artifact: Artifact, path: str) -> str:
    """Where an artifact's bytes are, or those of a file of the folder that it is."""
    if not path:
        return artifact.uri
    if not folders.is_plain(path):
        raise NotFoundError(f"artifact {artifact.id!r} has no file {path!r}")
    return f"{artifact.uri.rstrip('/')}/{path}"


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
