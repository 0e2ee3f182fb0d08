"""Run the pipeline server: ``python3 -m pipeline_server``."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from lab_ground.kubernetes.client import KubernetesClient
from pipeline_server.api import grpc_port
from pipeline_server.api.application import create_application
from pipeline_server.database.connection import Database
from pipeline_server.database.migrate import migrate, wait_for
from pipeline_server.execution.cluster import Cluster
from pipeline_server.execution.engine import Engine
from pipeline_server.listening import Listener
from pipeline_server.object_store import ObjectStore
from pipeline_server.services.collection import Services
from pipeline_server.services.documents import PipelineCache
from pipeline_server.services.permissions import ask_both, ask_cluster, ask_login
from pipeline_server.settings import Settings
from pipeline_server.web.application import create_page

logger = logging.getLogger("pipeline_server")


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
    client = KubernetesClient()
    cluster = Cluster(client, settings.namespace, settings.name)
    pipelines = PipelineCache()
    engine = Engine(settings, database, store, cluster, pipelines)
    login = None
    if settings.login_url:
        login = ask_login(settings.login_url, Path(settings.login_authority))
    ask = ask_both(ask_cluster(client), login)
    services = Services(settings, database, store, cluster, ask, engine.wake, pipelines)
    application = create_application(
        services,
        start=engine.start,
        stop=engine.stop,
        alive=lambda: engine.alive,
        page=create_page(services),
    )
    server, _ = grpc_port.listen(
        f"0.0.0.0:{settings.grpc_port}",
        lambda: engine.alive,
        settings.listen_port,
        settings.tls_directory,
    )
    Listener(
        application,
        settings.listen_port,
        tls_directory=settings.tls_directory,
        local_port=settings.local_port,
    ).run()
    server.stop(grace=None)
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
