"""Artifacts of runs: what they are, and their bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from pipeline_server.database.connection import Database
from pipeline_server.database.models import Artifact, Run
from pipeline_server.errors import InvalidArgumentError, NotFoundError
from pipeline_server.object_store import ObjectStore, StoredObject, split_uri
from pipeline_server.services import runs

MAXIMUM_FILES = 500


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an artifact or a file, as a stream."""

    name: str
    size: int
    chunks: Iterator[bytes]


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

    def open(self, artifact_id: str, run_id: str = "") -> Content:
        """Its bytes; NotFoundError when the store has no such object."""
        artifact = self.get(artifact_id, run_id)
        chunks, size = self._store.open(artifact.uri)
        return Content(artifact.uri.rsplit("/", 1)[-1] or artifact.name, size, chunks)

    def directory(self, artifact_id: str, run_id: str = "") -> Sequence[StoredObject]:
        """The objects of an artifact that is a folder."""
        artifact = self.get(artifact_id, run_id)
        return self._store.list(artifact.uri.rstrip("/") + "/", MAXIMUM_FILES)

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

    def open_file(self, run_id: str, key: str) -> Content:
        """The bytes of one of ``files``; nothing else can be read through this."""
        known = {item.key: item for item in self.files(run_id)}
        if key not in known:
            raise NotFoundError(f"run {run_id!r} has no file {key!r}")
        item = known[key]
        chunks, size = self._store.open(f"s3://{item.bucket}/{item.key}")
        return Content(item.key.rsplit("/", 1)[-1], size, chunks)


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
