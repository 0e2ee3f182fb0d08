"""``/apis/v2beta1/recurringruns``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from pipeline_server.api import views
from pipeline_server.api.common import ListWanted, ServicesOf, list_reply
from pipeline_server.api.contract import body_of
from pipeline_server.api.messages import (
    CronSchedule,
    PeriodicSchedule,
    RecurringRunMessage,
    Trigger,
)
from pipeline_server.api.runs import new_run
from pipeline_server.errors import InvalidArgumentError
from pipeline_server.services import checks
from pipeline_server.services.listing import parse_time
from pipeline_server.services.recurring_runs import NewRecurringRun, Schedule

router = APIRouter(prefix="/apis/v2beta1/recurringruns", tags=["recurring runs"])

MODES = {"ENABLE": True, "DISABLE": False, 1: True, 2: False}


@router.get("")
def list_recurring_runs(
    services: ServicesOf, wanted: ListWanted, experiment_id: Annotated[str, Query()] = ""
) -> Any:
    """Recurring runs."""
    page = services.recurring_runs.list(wanted, experiment_id=experiment_id)
    return list_reply(
        "ListRecurringRunsResponse", page, lambda row: views.recurring_run(row, services.settings)
    )


@router.post("", dependencies=[body_of("RecurringRun")])
def create_recurring_run(services: ServicesOf, message: RecurringRunMessage) -> Any:
    """Make a recurring run; without a trigger it runs once, at its creation."""
    checks.name(message.display_name, "display_name")
    trigger = message.trigger or Trigger()
    if trigger.cron_schedule is not None and not trigger.cron_schedule.cron:
        raise InvalidArgumentError("trigger.cron_schedule needs a cron")
    if message.mode not in {None, "MODE_UNSPECIFIED", 0, *MODES}:
        raise InvalidArgumentError(f"mode {message.mode!r} must be ENABLE or DISABLE")
    schedule: CronSchedule | PeriodicSchedule | None = (
        trigger.cron_schedule or trigger.periodic_schedule
    )
    row = services.recurring_runs.create(
        NewRecurringRun(
            new_run(message),
            Schedule(
                cron=(trigger.cron_schedule.cron if trigger.cron_schedule else None) or "",
                interval_seconds=(
                    trigger.periodic_schedule.interval_second or 0
                    if trigger.periodic_schedule
                    else None
                ),
                start_at=_time(schedule.start_time if schedule else None),
                end_at=_time(schedule.end_time if schedule else None),
                max_concurrency=1 if message.max_concurrency is None else message.max_concurrency,
                no_catchup=bool(message.no_catchup),
            ),
            enabled=MODES.get(message.mode or "DISABLE", False),
        )
    )
    return views.recurring_run(row, services.settings)


@router.get("/{recurring_run_id}")
def get_recurring_run(services: ServicesOf, recurring_run_id: str) -> Any:
    """One recurring run."""
    row = services.recurring_runs.get(recurring_run_id)
    return views.recurring_run(row, services.settings)


@router.delete("/{recurring_run_id}")
def delete_recurring_run(services: ServicesOf, recurring_run_id: str) -> Any:
    """Delete a recurring run; its runs stay."""
    services.recurring_runs.delete(recurring_run_id)
    return {}


@router.post("/{recurring_run_id}:enable")
def enable_recurring_run(services: ServicesOf, recurring_run_id: str) -> Any:
    """Let it start runs."""
    services.recurring_runs.enable(recurring_run_id)
    return {}


@router.post("/{recurring_run_id}:disable")
def disable_recurring_run(services: ServicesOf, recurring_run_id: str) -> Any:
    """Stop it from starting runs."""
    services.recurring_runs.disable(recurring_run_id)
    return {}


def _time(text: str | None) -> datetime | None:
    return parse_time(text) if text else None
