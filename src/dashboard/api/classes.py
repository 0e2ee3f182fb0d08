"""The class's board, for those who see every project, and messages to seats."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from class_board import messages
from class_board.rows import idle
from dashboard import errors, kinds
from dashboard.api.common import Asking, stream_headers
from dashboard.boards import board_changes
from dashboard.errors import RefusalError
from dashboard.forms import MessageForm, StopForm
from dashboard.learner import Learner
from dashboard.plans.workbenches import stop_patch
from dashboard.status import times

router = APIRouter(prefix="/api")


@router.get("/class")
async def board(request: Request, learner: Asking) -> dict[str, Any]:
    """How far each seat is."""
    found: dict[str, Any] = await request.app.state.boards.look(learner)
    return found


@router.get("/class/changes")
async def changes(request: Request, learner: Asking) -> StreamingResponse:
    """The board as it changes."""
    if not await learner.is_instructor():
        raise errors.forbidden(kinds.NAMESPACE.right("list"))
    stream = board_changes(request.app.state.boards, learner)
    return StreamingResponse(stream, media_type="text/event-stream", headers=stream_headers())


async def _rows(request: Request, learner: Learner, wanted: list[str]) -> list[dict[str, Any]]:
    """The rows of the seats that are named; of all without a name."""
    rows = {row["namespace"]: row for row in (await board(request, learner))["seats"]}
    if unknown := [name for name in wanted if name not in rows]:
        raise errors.invalid({"seats": f"There is no seat {unknown[0]} in the class."})
    return [rows[name] for name in wanted or rows if rows[name]["step"] != "none"]


@router.post("/class/message")
async def send(request: Request, learner: Asking, form: MessageForm) -> dict[str, Any]:
    """Write a message into seats; an empty text takes what is there away."""
    rows = await _rows(request, learner, form.seats)
    if form.text.strip() and (fault := messages.fault_of(form.text)):
        raise errors.invalid({"text": fault})
    names = [row["namespace"] for row in rows]
    await asyncio.gather(*(_send(learner, name, form.text) for name in names))
    return {"seats": names}


async def _send(learner: Learner, namespace: str, text: str) -> None:
    if not text.strip():
        await learner.acting.delete(kinds.CONFIG_MAP, messages.NAME, namespace)
        return
    manifest = messages.build(namespace, text, times.present())
    if await learner.acting.find(kinds.CONFIG_MAP, messages.NAME, namespace) is None:
        await learner.acting.create(manifest)
    else:
        await learner.acting.patch(kinds.CONFIG_MAP, messages.NAME, namespace, manifest)


@router.post("/class/stop")
async def stop(request: Request, learner: Asking, form: StopForm) -> dict[str, Any]:
    """Stop the workbenches that have been idle for so many minutes."""
    rows = await _rows(request, learner, form.seats)
    benches = {row["namespace"]: row["workbench"] for row in rows}
    names = idle(rows, form.idle_minutes, times.now())
    for name in names:
        bench = benches[name]["name"]
        await learner.acting.patch(kinds.NOTEBOOK, bench, name, stop_patch())
    return {"stopped": names, "kept": [name for name in benches if name not in names]}


@router.get("/messages")
async def read(learner: Asking) -> dict[str, Any]:
    """The messages to the learner's own seats; none to one who sees every project."""
    if await learner.is_instructor():
        return {"items": []}
    names = [str(each["metadata"]["name"]) for each in await learner.projects()]

    async def one(namespace: str) -> dict[str, str] | None:
        try:
            found = await learner.acting.find(kinds.CONFIG_MAP, messages.NAME, namespace)
        except RefusalError as refusal:
            if refusal.status == 403:
                return None
            raise
        told = messages.text_of(found)
        return told and {"namespace": namespace, **told}

    return {"items": [told for told in await asyncio.gather(*map(one, names)) if told]}
