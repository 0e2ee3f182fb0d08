"""Logs of steps: of the living pod, or the copy kept in the object store."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from pipeline_server.database.connection import Database
from pipeline_server.database.models import FINISHED, Attempt
from pipeline_server.errors import NotFoundError, ServiceError
from pipeline_server.object_store import ObjectStore
from pipeline_server.services import runs

logger = logging.getLogger(__name__)

MAXIMUM_CHUNK = 1 << 20


class PodLogs(Protocol):
    """Reads the log of a living pod."""

    def read_log(self, pod_name: str, container: str = "main") -> bytes | None:
        """The whole log; None when there is no such pod or it has not begun."""
        ...


@dataclass(frozen=True, slots=True)
class LogPart:
    """A part of a log. Ask again from ``next_offset`` until it is ``complete``."""

    text: str
    next_offset: int
    complete: bool
    note: str = ""


class LogService:
    """Reads logs."""

    def __init__(self, database: Database, store: ObjectStore, pods: PodLogs) -> None:
        self._database = database
        self._store = store
        self._pods = pods

    def read(
        self,
        run_id: str,
        task_id: str,
        offset: int = 0,
        attempt_number: int | None = None,
        limit: int = MAXIMUM_CHUNK,
    ) -> LogPart:
        """The log of a step's last attempt (or of a numbered one), from a byte offset on."""
        offset = max(0, offset)
        with self._database.session() as session:
            task = runs.find_task(session, run_id, task_id)
            statement = sa.select(Attempt).where(Attempt.task_id == task_id)
            if attempt_number is not None:
                statement = statement.where(Attempt.number == attempt_number)
            attempt = session.scalar(statement.order_by(Attempt.number.desc()).limit(1))
        if attempt is None:
            if attempt_number is not None:
                raise NotFoundError(f"task {task_id!r} has no attempt {attempt_number}")
            finished = task.state in FINISHED
            return LogPart("", 0, finished, "This step had no pod." if finished else "")
        finished = attempt.state in FINISHED
        if finished and attempt.log_uri:
            try:
                return self._stored(attempt.log_uri, offset, limit)
            except NotFoundError:
                logger.info("log %s is gone", attempt.log_uri)
            except ServiceError as error:
                return LogPart("", offset, False, error.message)
        content = self._pods.read_log(attempt.pod_name)
        if content is None:
            note = "The log was not kept." if finished else attempt.note or "Waiting for the pod."
            return LogPart("", offset, finished, note)
        part = content[offset : offset + limit]
        return _part(part, offset, finished and offset + len(part) >= len(content))

    def _stored(self, uri: str, offset: int, limit: int) -> LogPart:
        size = self._store.size(uri)
        part = self._store.read(uri, offset, limit)
        return _part(part, offset, offset + len(part) >= size)


def _part(content: bytes, offset: int, complete: bool) -> LogPart:
    """Text of whole characters: a character cut in two is left for the next part."""
    if not complete:
        for cut in range(min(3, len(content)) + 1):
            try:
                text = content[: len(content) - cut].decode()
            except UnicodeDecodeError:
                continue
            return LogPart(text, offset + len(content) - cut, False)
    return LogPart(content.decode(errors="replace"), offset + len(content), complete)
