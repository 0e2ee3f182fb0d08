"""Sections of a project, as answers and as streams of changes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from dashboard import errors
from dashboard.api.common import Asking, stream_headers
from dashboard.sections import section_view
from dashboard.snapshot import SECTIONS
from dashboard.watch import list_changes, project_changes

router = APIRouter(prefix="/api")
NAMES = ("project", *SECTIONS)


@router.get("/changes")
async def all_changes(learner: Asking) -> StreamingResponse:
    """The list of projects as it changes."""
    return StreamingResponse(
        list_changes(learner), media_type="text/event-stream", headers=stream_headers()
    )


@router.get("/projects/{ns}/changes")
async def changes(
    request: Request, learner: Asking, ns: str, sections: str = ""
) -> StreamingResponse:
    """A project's sections as they change."""
    wanted = [name for name in sections.split(",") if name] or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        told = f"There is no section {unknown[0]!r}; there are: {', '.join(NAMES)}."
        raise errors.invalid({"sections": told})
    await learner.project(ns)
    stream = project_changes(learner, ns, wanted, request.app.state.pipelines)
    return StreamingResponse(stream, media_type="text/event-stream", headers=stream_headers())


def _section(name: str) -> None:
    async def answer(request: Request, learner: Asking, ns: str) -> dict[str, Any]:
        snapshot = await learner.snapshot(ns, name)
        offers = await learner.offers()
        return await section_view(name, learner, snapshot, offers, request.app.state.pipelines)

    router.get(f"/projects/{{ns}}/{name}", name=name)(answer)


for _name in SECTIONS:
    _section(_name)
