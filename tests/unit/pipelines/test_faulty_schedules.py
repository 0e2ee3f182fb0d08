"""Recurring runs that cannot start: each says why, and holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline_server.database.models import RecurringRun, Run, now
from pipeline_server.execution.scheduler import Scheduler
from pipeline_server.services.collection import Services
from pipeline_server.services.recurring_runs import NewRecurringRun, Schedule
from pipeline_server.services.runs import NewRun

from . import pipelines

Ir = Callable[[Any], dict[str, Any]]


def recurring(services: Services, document: dict[str, Any], **changes: Any) -> str:
    """A recurring run that is due, as an earlier version of the server may have stored it."""
    made = services.recurring_runs.create(
        NewRecurringRun(NewRun(display_name="r", spec=document), Schedule(interval_seconds=60))
    )
    with services.database.session() as session:
        values = {"next_tick_at": now() - timedelta(seconds=5), **changes}
        session.execute(sa.update(RecurringRun).where(RecurringRun.id == made.id).values(**values))
    return made.id


@pytest.mark.parametrize(
    ("changes", "enabled"),
    [
        ({"runtime_config": {"parameters": {"n": "[[ScheduledTime.\ud800]]"}}}, True),
        ({"runtime_config": {"parameters": [1]}}, True),
        ({"interval_seconds": 10**15}, False),
        ({"interval_seconds": 10**15, "runtime_config": {"parameters": [1]}}, False),
    ],
)
def test_one_schedule_s_fault_is_its_own(
    services: Services, ir: Ir, changes: dict[str, Any], enabled: bool
) -> None:
    document = ir(pipelines.two_steps)
    broken = recurring(services, document, **changes)
    sound = recurring(services, document)
    Scheduler(services.database, services.pipeline_cache).tick()
    with services.database.session() as session:
        assert list(session.scalars(sa.select(Run.recurring_run_id))) == [sound]
    row = services.recurring_runs.get(broken)
    assert row.error
    assert row.enabled is enabled
    assert row.next_tick_at is None or row.next_tick_at > now()
