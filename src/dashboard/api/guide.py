"""The guide beside the work."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from dashboard.api.common import Asking
from dashboard.guide.addresses import guide_view
from dashboard.guide.checking import check_part, part_of
from dashboard.guide.look import Look

router = APIRouter(prefix="/api/projects/{ns}/guide")


@router.get("")
async def guide(learner: Asking, ns: str) -> dict[str, Any]:
    """The seat's names and addresses."""
    return await guide_view(learner, ns)


@router.post("/{number}/check")
async def check(request: Request, learner: Asking, ns: str, number: int) -> dict[str, Any]:
    """Check one part of the learner's work."""
    state = request.app.state
    return await check_part(Look(learner, ns, state.pipelines, state.doors), part_of(number))
