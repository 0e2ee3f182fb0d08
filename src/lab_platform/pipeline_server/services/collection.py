"""One of each service, joined to one database, object store and engine."""

from __future__ import annotations

from collections.abc import Callable

from ..database.connection import Database
from ..object_store import ObjectStore
from ..settings import Settings
from .artifacts import ArtifactService
from .documents import PipelineCache
from .experiments import ExperimentService
from .logs import LogService, PodLogs
from .pipelines import PipelineService
from .recurring_runs import RecurringRunService
from .runs import RunService


class Services:
    """The services of one server; ``app.state.services``."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        pods: PodLogs,
        wake: Callable[[], None] = lambda: None,
        pipelines: PipelineCache | None = None,
    ) -> None:
        self.settings = settings
        self.database = database
        self.store = store
        self.wake = wake
        self.pipeline_cache = pipelines or PipelineCache()
        self.experiments = ExperimentService(database)
        self.pipelines = PipelineService(database)
        self.runs = RunService(database, self.pipeline_cache, self.experiments, wake)
        self.recurring_runs = RecurringRunService(
            database, self.pipeline_cache, self.experiments, wake
        )
        self.artifacts = ArtifactService(database, store)
        self.logs = LogService(database, store, pods)
