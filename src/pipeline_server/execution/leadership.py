"""One replica drives the runs: whoever holds the row in ``leases``, until it lets it lapse."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from pipeline_server.database.connection import Database
from pipeline_server.database.models import Lease, now

logger = logging.getLogger(__name__)

NAME = "engine"
TERM = timedelta(seconds=6)
RENEW_AFTER = 2.0


class Leadership:
    """Takes, keeps and gives back the lease."""

    def __init__(self, database: Database, replica: str) -> None:
        self._database = database
        self._replica = replica
        self._renewed = 0.0
        self._until = 0.0

    @property
    def leading(self) -> bool:
        """Whether the lease is held now."""
        return time.monotonic() < self._until

    def hold(self) -> bool:
        """Take the lease or renew it when it is time; says whether it is held."""
        if self.leading and time.monotonic() - self._renewed < RENEW_AFTER:
            return True
        asked = time.monotonic()
        if not self._take():
            if self._until:
                logger.warning("another replica drives the runs now")
            self._until = 0.0
            return False
        if not self._until:
            logger.info("%s drives the runs", self._replica)
        self._renewed = asked
        # A second less than the row says: who waits for it must never meet us still at work.
        self._until = asked + TERM.total_seconds() - 1.0
        return True

    def _take(self) -> bool:
        moment = now()
        with self._database.session() as session:
            result = session.execute(
                sa.update(Lease)
                .where(
                    Lease.name == NAME,
                    sa.or_(Lease.holder == self._replica, Lease.expires_at < moment),
                )
                .values(holder=self._replica, expires_at=moment + TERM)
            )
            if result.rowcount:  # type: ignore[attr-defined]
                return True
            if session.get(Lease, NAME) is not None:
                return False
        try:
            with self._database.session() as session:
                session.add(Lease(name=NAME, holder=self._replica, expires_at=moment + TERM))
        except IntegrityError:
            return False
        return True

    def release(self) -> None:
        """Give the lease back, so that another replica need not wait."""
        if not self._until:
            return
        self._until = 0.0
        try:
            with self._database.session() as session:
                session.execute(
                    sa.delete(Lease).where(Lease.name == NAME, Lease.holder == self._replica)
                )
        except SQLAlchemyError as error:
            logger.warning("the lease could not be given back: %s", error)
