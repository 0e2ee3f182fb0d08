"""The connection to the database: MariaDB in a cluster, SQLite for tests."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

DEADLOCK_CODES = {1205, 1213, 1020}


class Database:
    """Sessions on one database; every session is one transaction."""

    def __init__(self, url: str | sa.URL, *, pool_size: int = 10) -> None:
        parsed = sa.make_url(url)
        options: dict[str, Any] = {"pool_pre_ping": True}
        if parsed.get_backend_name() == "sqlite":
            options["connect_args"] = {"check_same_thread": False, "timeout": 30}
        else:
            options |= {
                "pool_size": pool_size,
                "max_overflow": 10,
                "pool_recycle": 600,
                "pool_timeout": 10,
                "isolation_level": "READ COMMITTED",
                "connect_args": {"connect_timeout": 5, "read_timeout": 60, "write_timeout": 60},
            }
        self.engine = sa.create_engine(parsed, **options)
        if parsed.get_backend_name() == "sqlite":
            sa.event.listen(self.engine, "connect", _configure_sqlite)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: committed at the end, rolled back by an exception."""
        with self._sessions.begin() as session:
            yield session

    def retrying(self, work: Callable[[Session], Result], *, attempts: int = 5) -> Result:
        """Run work in a transaction, again when another one was in its way."""
        for attempt in range(1, attempts + 1):
            try:
                with self.session() as session:
                    return work(session)
            except OperationalError as error:
                if attempt == attempts or not is_conflict(error):
                    raise
                time.sleep(0.02 * 2**attempt)
        raise AssertionError("unreachable")

    def check(self) -> None:
        """Raise if the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))

    def answers(self) -> bool:
        """Whether it does."""
        try:
            self.check()
        except SQLAlchemyError:
            return False
        return True

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def is_conflict(error: DBAPIError) -> bool:
    """Whether the database gave up because of another transaction, so that again may work."""
    arguments = getattr(error.orig, "args", ())
    if arguments and arguments[0] in DEADLOCK_CODES:
        return True
    return "database is locked" in str(error.orig)


def _configure_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA busy_timeout = 30000")
    cursor.close()
