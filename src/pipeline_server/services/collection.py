"""One of each service, joined to one database, object store and engine."""

from __future__ import annotations

from collections.abc import Callable

from pipeline_server.database.connection import Database
from pipeline_server.object_store import ObjectStore
from pipeline_server.services.artifacts import ArtifactService
from pipeline_server.services.documents import PipelineCache
from pipeline_server.services.experiments import ExperimentService
from pipeline_server.services.logs import LogService, PodLogs
from pipeline_server.services.permissions import Ask, Permissions
from pipeline_server.services.pipelines import PipelineService
from pipeline_server.services.recurring_runs import RecurringRunService
from pipeline_server.services.runs import RunService
from pipeline_server.settings import Settings


class Services:
    """The services of one server; ``app.state.services``."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: ObjectStore,
        pods: PodLogs,
        ask: Ask,
        wake: Callable[[], None] = lambda: None,
        pipelines: PipelineCache | None = None,
    ) -> None:
        self.settings = settings
        self.database = database
        self.store = store
        self.wake = wake
        self.pipeline_cache = pipelines or PipelineCache()
        self.experiments = ExperimentService(database)
        permissions = Permissions(settings.namespace, settings.service_account, ask)
        self.pipelines = PipelineService(database, permissions)
        self.runs = RunService(database, self.pipeline_cache, self.experiments, permissions, wake)
        self.recurring_runs = RecurringRunService(
            database, self.pipeline_cache, self.experiments, permissions, wake
        )
        self.artifacts = ArtifactService(database, store)
        self.logs = LogService(database, store, pods)
