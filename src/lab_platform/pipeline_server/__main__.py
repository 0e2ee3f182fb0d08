"""Run the pipeline server: ``python3 -m lab_platform.pipeline_server``."""

from __future__ import annotations

import logging
import sys

import uvicorn

from lab_platform.kubernetes.client import KubernetesClient

from .api import grpc_port
from .api.application import create_application
from .database.connection import Database
from .database.migrate import migrate, wait_for
from .execution.cluster import Cluster
from .execution.engine import Engine
from .object_store import ObjectStore
from .services.collection import Services
from .services.documents import PipelineCache
from .settings import Settings

logger = logging.getLogger("lab_platform.pipeline_server")


def main() -> int:
    """Migrate, then serve and drive runs until a signal."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(threadName)s: %(message)s",
        stream=sys.stdout,
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = Settings.from_environment()
    if not settings.signing_key:
        logger.error("PIPELINES_SIGNING_KEY is not set: steps could not be told apart")
        return 2
    database = Database(settings.database_url)
    wait_for(database)
    migrate(database)
    store = ObjectStore(settings)
    cluster = Cluster(KubernetesClient(), settings.namespace, settings.name)
    pipelines = PipelineCache()
    engine = Engine(settings, database, store, cluster, pipelines)
    services = Services(settings, database, store, cluster, engine.wake, pipelines)
    application = create_application(
        services, start=engine.start, stop=engine.stop, alive=lambda: engine.alive
    )
    config = uvicorn.Config(
        application,
        host="0.0.0.0",  # noqa: S104 - in a pod, behind Services and a NetworkPolicy
        port=settings.listen_port,
        log_level="warning",
        timeout_graceful_shutdown=5,
        limit_concurrency=200,
        backlog=512,
    )
    server, _ = grpc_port.listen(
        f"0.0.0.0:{settings.grpc_port}", lambda: engine.alive, settings.listen_port
    )
    uvicorn.Server(config).run()
    server.stop(grace=None)
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
