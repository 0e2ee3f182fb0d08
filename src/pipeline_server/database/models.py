"""The tables of the pipeline server.

A pipeline's IR is kept once (``documents``), by its digest, and referred to by versions, runs and
recurring runs. A run has one row in ``tasks`` for every node of its unfolded graph: the root,
nested graphs, loops and their iterations, and steps. A step has one row in ``attempts`` for every
pod it was given.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from pipeline_server.database.types import Json, LongText, UtcDateTime

UUID_LENGTH = 36
NAME_LENGTH = 255


def now() -> datetime:
    """This moment, UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh identifier."""
    return str(uuid.uuid4())


class RunState(StrEnum):
    """States of runs, tasks and attempts, as the API names them."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"
    PAUSED = "PAUSED"

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in FINISHED


FINISHED = frozenset({RunState.SUCCEEDED, RunState.SKIPPED, RunState.FAILED, RunState.CANCELED})
ACTIVE = (RunState.PENDING, RunState.RUNNING, RunState.CANCELING)


class StorageState(StrEnum):
    """Whether something lies in the archive."""

    AVAILABLE = "AVAILABLE"
    ARCHIVED = "ARCHIVED"


class TaskKind(StrEnum):
    """What a node of the unfolded graph is."""

    DAG = "DAG"
    LOOP = "LOOP"
    CONTAINER = "CONTAINER"
    IMPORTER = "IMPORTER"
    CREATE_PVC = "CREATE_PVC"
    DELETE_PVC = "DELETE_PVC"


GRAPHS = frozenset({TaskKind.DAG, TaskKind.LOOP})


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        dict[str, Any]: Json,
        list[Any]: Json,
    }


class Document(Base):
    """A pipeline's IR: ``{"pipeline_spec": …, "platform_spec": …}``."""

    __tablename__ = "documents"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Experiment(Base):
    """A folder of runs."""

    __tablename__ = "experiments"

    id: Mapped[str] = mapped_column(String(UUID_LENGTH), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    description: Mapped[str] = mapped_column(LongText, default="")
    storage_state: Mapped[str] = mapped_column(String(16), default=StorageState.AVAILABLE)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    last_run_created_at: Mapped[datetime | None] = mapped_column(default=None)


class Pipeline(Base):
    """An uploaded pipeline."""

    __tablename__ = "pipelines"

    id: Mapped[str] = mapped_column(String(UUID_LENGTH), primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), unique=True)
    display_name: Mapped[str] = mapped_column(String(NAME_LENGTH), index=True)
    description: Mapped[str] = mapped_column(LongText, default="")
    tags: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)


class PipelineVersion(Base):
    """One version of a pipeline."""

    __tablename__ = "pipeline_versions"
    __table_args__ = (UniqueConstraint("pipeline_id", "name", name="uq_version_name"),)

    id: Mapped[str] = mapped_column(String(UUID_LENGTH), primary_key=True, default=new_id)
    pipeline_id: Mapped[str] = mapped_column(
        String(UUID_LENGTH), ForeignKey("pipelines.id", ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    display_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    description: Mapped[str] = mapped_column(LongText, default="")
    tags: Mapped[dict[str, Any]] = mapped_column(default=dict)
    code_source_url: Mapped[str] = mapped_column(String(2048), default="")
    document_digest: Mapped[str] = mapped_column(String(64), ForeignKey("documents.digest"))
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)

    document: Mapped[Document] = relationship(lazy="raise")


class RecurringRun(Base):
    """A schedule that starts runs."""

    __tablename__ = "recurring_runs"

    id: Mapped[str] = mapped_column(String(UUID_LENGTH), primary_key=True, default=new_id)
    display_name: Mapped[str] = mapped_column(String(NAME_LENGTH), index=True)
    description: Mapped[str] = mapped_column(LongText, default="")
    experiment_id: Mapped[str] = mapped_column(String(UUID_LENGTH), index=True)
    pipeline_id: Mapped[str | None] = mapped_column(String(UUID_LENGTH), index=True)
    pipeline_version_id: Mapped[str | None] = mapped_column(String(UUID_LENGTH))
    document_digest: Mapped[str | None] = mapped_column(String(64), ForeignKey("documents.digest"))
    runtime_config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    service_account: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    max_concurrency: Mapped[int] = mapped_column(default=1)
    no_catchup: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)
    cron: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    interval_seconds: Mapped[int | None]
    start_at: Mapped[datetime | None]
    end_at: Mapped[datetime | None]
    last_tick_at: Mapped[datetime | None]
    next_tick_at: Mapped[datetime | None] = mapped_column(index=True)
    run_count: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(LongText, default="")
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    document: Mapped[Document | None] = relationship(lazy="raise")


class Run(Base):
    """One execution of a pipeline.

    ``wake_at`` is when the engine shall look at the run again; null is never.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_list", "storage_state", "created_at", "id"),
        Index("ix_runs_experiment", "experiment_id", "created_at", "id"),
        Index("ix_runs_wake", "state", "wake_at"),
        UniqueConstraint("recurring_run_id", "tick_at", name="uq_runs_tick"),
    )

    id: Mapped[str] = mapped_column(String(UUID_LENGTH), primary_key=True, default=new_id)
    display_name: Mapped[str] = mapped_column(String(NAME_LENGTH), index=True)
    description: Mapped[str] = mapped_column(LongText, default="")
    experiment_id: Mapped[str] = mapped_column(String(UUID_LENGTH))
    pipeline_id: Mapped[str | None] = mapped_column(String(UUID_LENGTH), index=True)
    pipeline_version_id: Mapped[str | None] = mapped_column(String(UUID_LENGTH), index=True)
    recurring_run_id: Mapped[str | None] = mapped_column(String(UUID_LENGTH))
    tick_at: Mapped[datetime | None]
    request_key: Mapped[str | None] = mapped_column(String(128), unique=True)
    document_digest: Mapped[str] = mapped_column(String(64), ForeignKey("documents.digest"))
    inline_spec: Mapped[bool] = mapped_column(default=True)
    runtime_config: Mapped[dict[str, Any]] = mapped_column(default=dict)
    service_account: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    storage_state: Mapped[str] = mapped_column(String(16), default=StorageState.AVAILABLE)
    state: Mapped[str] = mapped_column(String(16), default=RunState.PENDING)
    state_history: Mapped[list[Any]] = mapped_column(default=list)
    error: Mapped[str] = mapped_column(LongText, default="")
    cancel_requested_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    scheduled_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    wake_at: Mapped[datetime | None] = mapped_column(default=now)

    document: Mapped[Document] = relationship(lazy="raise")
    tasks: Mapped[list[Task]] = relationship(
        lazy="raise", order_by="Task.created_at, Task.path", viewonly=True
    )


class Task(Base):
    """A node of a run's unfolded graph.

    ``path`` names it within the run: ``root``, ``root/train``, ``root/for-loop-1/3/train``.
    ``inputs`` and ``outputs`` are ``{"parameters": {name: value}, "artifacts": {name: [id, …]}}``.
    ``cached_from_id`` is set where the outputs were taken from an earlier task; ``skip_reason``
    tells why a task was skipped: ``cached``, ``condition``, ``upstream``. ``attempt_base`` is the
    number of attempts before the run was last retried by a person. ``note`` says what a step that
    does not run yet waits for.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        UniqueConstraint("run_id", "path", name="uq_tasks_path"),
        Index("ix_tasks_fingerprint", "fingerprint", "state", "finished_at"),
    )

    id: Mapped[str] = mapped_column(String(UUID_LENGTH), primary_key=True, default=new_id)
    run_id: Mapped[str] = mapped_column(
        String(UUID_LENGTH), ForeignKey("runs.id", ondelete="CASCADE")
    )
    parent_id: Mapped[str | None] = mapped_column(String(UUID_LENGTH))
    path: Mapped[str] = mapped_column(String(700))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    display_name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    kind: Mapped[str] = mapped_column(String(16))
    iteration: Mapped[int | None]
    component: Mapped[str] = mapped_column(String(NAME_LENGTH))
    state: Mapped[str] = mapped_column(String(16), default=RunState.PENDING)
    state_history: Mapped[list[Any]] = mapped_column(default=list)
    inputs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    outputs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    cached_from_id: Mapped[str | None] = mapped_column(String(UUID_LENGTH))
    skip_reason: Mapped[str] = mapped_column(String(16), default="")
    attempt_count: Mapped[int] = mapped_column(default=0)
    attempt_base: Mapped[int] = mapped_column(default=0)
    pod_name: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    log_uri: Mapped[str] = mapped_column(String(2048), default="")
    retry_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(LongText, default="")
    error: Mapped[str] = mapped_column(LongText, default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Attempt(Base):
    """One pod of a step.

    ``report`` is what the launcher said when the command had ended; ``pod_seen`` tells a pod
    that vanished from one that was never made.
    """

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("task_id", "number", name="uq_attempts_number"),)

    id: Mapped[str] = mapped_column(String(UUID_LENGTH), primary_key=True, default=new_id)
    task_id: Mapped[str] = mapped_column(
        String(UUID_LENGTH), ForeignKey("tasks.id", ondelete="CASCADE")
    )
    run_id: Mapped[str] = mapped_column(String(UUID_LENGTH), index=True)
    number: Mapped[int]
    pod_name: Mapped[str] = mapped_column(String(63), unique=True)
    state: Mapped[str] = mapped_column(String(16), default=RunState.PENDING)
    mode: Mapped[str] = mapped_column(String(16), default="launcher")
    pod_seen: Mapped[bool] = mapped_column(default=False)
    note: Mapped[str] = mapped_column(LongText, default="")
    report: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    exit_code: Mapped[int | None]
    error: Mapped[str] = mapped_column(LongText, default="")
    log_uri: Mapped[str] = mapped_column(String(2048), default="")
    deadline_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Artifact(Base):
    """Something a step made or an importer named; ``name`` is the output it was made as."""

    __tablename__ = "artifacts"
    __table_args__ = (Index("ix_artifacts_uri", "uri_digest"),)

    id: Mapped[str] = mapped_column(String(UUID_LENGTH), primary_key=True, default=new_id)
    run_id: Mapped[str] = mapped_column(String(UUID_LENGTH), index=True)
    task_id: Mapped[str] = mapped_column(String(UUID_LENGTH), index=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    schema_title: Mapped[str] = mapped_column(String(NAME_LENGTH), default="system.Artifact")
    schema_version: Mapped[str] = mapped_column(String(32), default="0.0.1")
    uri: Mapped[str] = mapped_column(LongText)
    uri_digest: Mapped[str] = mapped_column(String(64))
    meta: Mapped[dict[str, Any]] = mapped_column("metadata", Json, default=dict)
    size: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(default=now)


class Lease(Base):
    """Who drives the runs, and until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(NAME_LENGTH))
    expires_at: Mapped[datetime]


class ImageTrait(Base):
    """What was learnt of an image: that it has no Python, so its steps need a sidecar."""

    __tablename__ = "image_traits"

    image_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    image: Mapped[str] = mapped_column(LongText)
    without_python: Mapped[bool] = mapped_column(default=False)
    learnt_at: Mapped[datetime] = mapped_column(default=now)
