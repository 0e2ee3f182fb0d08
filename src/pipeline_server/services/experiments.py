"""Experiments: folders of runs."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pipeline_server.database.connection import Database
from pipeline_server.database.models import ACTIVE, Experiment, RecurringRun, Run, StorageState, now
from pipeline_server.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    NotFoundError,
)
from pipeline_server.services import checks
from pipeline_server.services.listing import Listing, ListRequest, Page

DEFAULT_NAME = "Default"

LISTING = Listing(
    Experiment,
    {
        "experiment_id": Experiment.id,
        "id": Experiment.id,
        "display_name": Experiment.name,
        "name": Experiment.name,
        "description": Experiment.description,
        "created_at": Experiment.created_at,
        "last_run_created_at": Experiment.last_run_created_at,
        "storage_state": Experiment.storage_state,
    },
    Experiment.id,
)


class ExperimentService:
    """Asks and changes experiments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, request: ListRequest, *, storage_state: str | None = None) -> Page[Experiment]:
        """Experiments; of one storage state where it is given."""
        with self._database.session() as session:
            return LISTING.page(session, request, {"storage_state": storage_state or ""})

    def get(self, experiment_id: str) -> Experiment:
        """One experiment."""
        with self._database.session() as session:
            return find(session, experiment_id)

    def create(self, name: str, description: str = "") -> Experiment:
        """Make an experiment; the name must be free."""
        name = checks.name(name, "display_name", limit=checks.MAXIMUM_EXPERIMENT_NAME)
        description = checks.text(description, "description")
        try:
            with self._database.session() as session:
                experiment = Experiment(name=name, description=description)
                session.add(experiment)
                session.flush()
                return experiment
        except IntegrityError:
            raise AlreadyExistsError(f"there is an experiment {name!r} already") from None

    def default(self) -> Experiment:
        """The experiment of runs that name none; made on first use."""
        with self._database.session() as session:
            found = session.scalar(sa.select(Experiment).where(Experiment.name == DEFAULT_NAME))
        if found is not None:
            return found
        try:
            return self.create(DEFAULT_NAME, "Runs that name no experiment")
        except AlreadyExistsError:
            return self.default()

    def archive(self, experiment_id: str) -> None:
        """Archive an experiment with its runs; its recurring runs are switched off."""
        with self._database.session() as session:
            find(session, experiment_id).storage_state = StorageState.ARCHIVED
            session.execute(
                sa.update(Run)
                .where(Run.experiment_id == experiment_id)
                .values(storage_state=StorageState.ARCHIVED)
            )
            session.execute(
                sa.update(RecurringRun)
                .where(RecurringRun.experiment_id == experiment_id)
                .values(enabled=False, next_tick_at=None, updated_at=now())
            )

    def unarchive(self, experiment_id: str) -> None:
        """Take an experiment out of the archive; its runs stay where they are."""
        with self._database.session() as session:
            find(session, experiment_id).storage_state = StorageState.AVAILABLE

    def delete(self, experiment_id: str) -> None:
        """Delete an experiment that has no runs going; its finished runs go to the default one."""
        default = self.default()
        if default.id == experiment_id:
            raise FailedPreconditionError(f"experiment {DEFAULT_NAME!r} cannot be deleted")
        with self._database.session() as session:
            experiment = find(session, experiment_id)
            going = session.scalar(
                sa.select(sa.func.count())
                .select_from(Run)
                .where(Run.experiment_id == experiment_id, Run.state.in_(ACTIVE))
            )
            if going:
                words = "1 run" if going == 1 else f"{going} runs"
                raise FailedPreconditionError(
                    f"experiment {experiment.name!r} has {words} under way; "
                    "terminate them first, or wait for their end"
                )
            for model in (Run, RecurringRun):
                session.execute(
                    sa.update(model)
                    .where(model.experiment_id == experiment_id)
                    .values(experiment_id=default.id)
                )
            session.delete(experiment)


def find(session: Session, experiment_id: str) -> Experiment:
    """The experiment, or NotFoundError."""
    experiment = session.get(Experiment, experiment_id)
    if experiment is None:
        raise NotFoundError(f"there is no experiment {experiment_id!r}")
    return experiment
