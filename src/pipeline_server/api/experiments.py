"""``/apis/v2beta1/experiments``."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from pipeline_server.api import views
from pipeline_server.api.common import ListWanted, ServicesOf, list_reply
from pipeline_server.api.contract import body_of
from pipeline_server.api.messages import ExperimentMessage

router = APIRouter(prefix="/apis/v2beta1/experiments", tags=["experiments"])


@router.get("")
def list_experiments(services: ServicesOf, wanted: ListWanted) -> Any:
    """Experiments."""
    page = services.experiments.list(wanted)
    return list_reply(
        "ListExperimentsResponse", page, lambda row: views.experiment(row, services.settings)
    )


@router.post("", dependencies=[body_of("Experiment")])
def create_experiment(services: ServicesOf, message: ExperimentMessage) -> Any:
    """Make an experiment."""
    row = services.experiments.create(message.display_name or "", message.description or "")
    return views.experiment(row, services.settings)


@router.get("/{experiment_id}")
def get_experiment(services: ServicesOf, experiment_id: str) -> Any:
    """One experiment."""
    return views.experiment(services.experiments.get(experiment_id), services.settings)


@router.delete("/{experiment_id}")
def delete_experiment(services: ServicesOf, experiment_id: str) -> Any:
    """Delete an experiment."""
    services.experiments.delete(experiment_id)
    return {}


@router.post("/{experiment_id}:archive")
def archive_experiment(services: ServicesOf, experiment_id: str) -> Any:
    """Archive an experiment with its runs."""
    services.experiments.archive(experiment_id)
    return {}


@router.post("/{experiment_id}:unarchive")
def unarchive_experiment(services: ServicesOf, experiment_id: str) -> Any:
    """Take an experiment out of the archive."""
    services.experiments.unarchive(experiment_id)
    return {}
