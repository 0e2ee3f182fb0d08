"""What the pipeline server's services are made of without a cluster: settings and a database."""

from __future__ import annotations

from pathlib import Path

from pipeline_server.database.connection import Database
from pipeline_server.database.migrate import migrate
from pipeline_server.settings import Settings


class NoPods:
    """A cluster without pods."""

    def read_log(self, pod_name: str, container: str = "main") -> bytes | None:
        """No pod has a log."""
        return None


def offline_settings() -> Settings:
    """Settings of a server that reaches nothing."""
    return Settings(
        store_endpoint="http://127.0.0.1:9",
        store_access_key="access",
        store_secret_key="secret",
        signing_key="key",
        step_url="http://server",
        launcher_config_map="launcher",
        platform_image="registry/lab-platform:1.0",
        elyra_files="/nowhere",
    )


def migrated_database(directory: Path) -> Path:
    """A database with all tables, to be copied."""
    path = directory / "pipelines.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path
