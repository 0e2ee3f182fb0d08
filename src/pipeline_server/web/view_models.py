"""What the page shows, free of the database and of HTTP.

Small, frozen values of what is more than a row of a table: a run with its steps as they are drawn,
what a step read and wrote. ``rows.py`` makes them of the services' rows; what a page shows as it
stands (pipelines, experiments, recurring runs) goes to its template as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """State of a run or of a step, as the pipelines API names them."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    CANCELING = "CANCELING"
    CANCELED = "CANCELED"
    PAUSED = "PAUSED"
    CACHED = "CACHED"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def parse(cls, value: object) -> State:
        """Read a state leniently: an unheard-of one is shown as unknown, never a failure."""
        try:
            return cls(str(value))
        except ValueError:
            return cls.UNKNOWN

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in FINISHED_STATES

    @property
    def label(self) -> str:
        """Word for people."""
        return STATE_LABELS[self]


FINISHED_STATES = frozenset(
    {State.SUCCEEDED, State.SKIPPED, State.FAILED, State.CANCELED, State.CACHED}
)
STATE_LABELS = {
    State.PENDING: "Pending",
    State.RUNNING: "Running",
    State.SUCCEEDED: "Succeeded",
    State.SKIPPED: "Skipped",
    State.FAILED: "Failed",
    State.CANCELING: "Stopping",
    State.CANCELED: "Stopped",
    State.PAUSED: "Paused",
    State.CACHED: "From cache",
    State.UNKNOWN: "Not started",
}


@dataclass(frozen=True, slots=True)
class StateChange:
    """An entry of the state history."""

    state: State
    at: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file or a record that a step read or wrote."""

    id: str
    name: str
    schema: str = "system.Artifact"
    uri: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    size: int | None = None
    step: str = ""


@dataclass(frozen=True, slots=True)
class FileList:
    """Files that lie together: each to be opened; ``closed`` are names that no address leads to."""

    files: tuple[Artifact, ...] = ()
    closed: tuple[str, ...] = ()
    more: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing."""
        return not (self.files or self.closed)


@dataclass(frozen=True, slots=True)
class TaskRun:
    """One execution of a step: for a loop, one for each iteration.

    ``note`` says what holds it up while it is not finished, in the server's words.
    """

    id: str
    name: str
    state: State
    display_name: str = ""
    parent_id: str = ""
    iteration: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: str = ""
    note: str = ""
    pod_name: str = ""
    attempts: int = 1
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    input_artifacts: tuple[Artifact, ...] = ()
    output_artifacts: tuple[Artifact, ...] = ()
    history: tuple[StateChange, ...] = ()
    has_log: bool = True

    @property
    def shown_name(self) -> str:
        """Name for people, with the iteration where there is one."""
        name = self.display_name or self.name
        return f"{name} [{self.iteration}]" if self.iteration else name


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A line of the runs list."""

    id: str
    name: str
    state: State
    created_at: datetime | None = None
    finished_at: datetime | None = None
    experiment_id: str = ""
    experiment_name: str = ""
    pipeline_id: str = ""
    pipeline_name: str = ""
    version_id: str = ""
    version_name: str = ""
    recurring_run_id: str = ""
    archived: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class RunDetail:
    """A run with its steps."""

    summary: RunSummary
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[TaskRun, ...] = ()
    pipeline_root: str = ""
    service_account: str = ""
    history: tuple[StateChange, ...] = ()

    def task(self, task_id: str) -> TaskRun | None:
        """The execution with this id, or None."""
        return next((task for task in self.tasks if task.id == task_id), None)


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What the runs list is narrowed to."""

    text: str = ""
    state: State | None = None
    experiment_id: str = ""
    pipeline_id: str = ""
    recurring_run_id: str = ""
    archived: bool = False
    sort: str = "created_at desc"
