"""Brings the database to this version's tables; safe for several replicas at once."""

from __future__ import annotations

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import OperationalError

from lab_ground.waiting import moments
from pipeline_server.database.connection import Database

logger = logging.getLogger(__name__)

LOCK = "pipeline-server-migrations"
LOCK_SECONDS = 120


def configuration() -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(database: Database) -> None:
    """Apply what is missing."""
    config = configuration()
    with database.engine.connect() as connection:
        locked = connection.dialect.name in {"mysql", "mariadb"}
        if locked:
            taken = connection.scalar(
                sa.text("SELECT GET_LOCK(:name, :seconds)"),
                {"name": LOCK, "seconds": LOCK_SECONDS},
            )
            connection.commit()
            if taken != 1:
                raise RuntimeError("another replica has been migrating the database for too long")
        try:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            if locked:
                connection.execute(sa.text("SELECT RELEASE_LOCK(:name)"), {"name": LOCK})
                connection.commit()


def wait_for(database: Database, seconds: float = 300.0) -> None:
    """Wait until the database answers; raise when it does not in time."""
    for left in moments(seconds, 0.25, growth=1.5, longest=2.0):
        try:
            database.check()
            return
        except OperationalError as error:
            if not left:
                raise
            logger.info("waiting for the database: %s", str(error).splitlines()[0])
