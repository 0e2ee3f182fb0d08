"""The sections of a project's page: the same for a question and for the stream of changes."""

from __future__ import annotations

import asyncio
from typing import Any

from dashboard import kinds
from dashboard.errors import RefusalError
from dashboard.learner import Learner, platform_of, project_item, rights_view
from dashboard.pipelines_api import PipelinesApi
from dashboard.snapshot import SECTIONS, Snapshot, read
from dashboard.status import times
from dashboard.views.connections import connection_items
from dashboard.views.models import models_view
from dashboard.views.permissions import permission_items
from dashboard.views.pipelines import server_view
from dashboard.views.storages import storage_items
from dashboard.views.workbenches import Offers, workbench_items

# What a project's overview counts, and the words of its workbenches.
COUNTED = (
    kinds.NOTEBOOK, kinds.POD, kinds.ROUTE, kinds.CLAIM, kinds.SECRET, kinds.RUNTIME, kinds.MODEL,
)  # fmt: skip


async def section_view(
    name: str,
    learner: Learner,
    snapshot: Snapshot,
    offers: Offers,
    pipelines: PipelinesApi,
) -> dict[str, Any]:
    """What the page shows of a section.

    Raises:
        RefusalError: what the section is about may not be seen.
    """
    if name == "workbenches":
        return {"items": workbench_items(snapshot, offers, times.now())}
    if name == "storages":
        return {"items": storage_items(snapshot, offers)}
    if name == "connections":
        return {"items": connection_items(snapshot)}
    if name == "permissions":
        return {"items": permission_items(snapshot)}
    if name == "models":
        namespace = await learner.project(snapshot.namespace)
        return models_view(snapshot, offers, platform_of(namespace))
    if name == "pipelines":
        return await pipelines_view(learner, snapshot, pipelines)
    raise KeyError(name)


async def pipelines_view(
    learner: Learner, snapshot: Snapshot, pipelines: PipelinesApi
) -> dict[str, Any]:
    """The pipeline server, and once it is ready its pipelines."""
    server = server_view(snapshot, times.now())
    items: list[dict[str, Any]] = []
    if server is not None and server["state"] == "ready":
        api = pipelines.of(snapshot.namespace, server["name"], learner.token)
        try:
            items = await api.pipelines()
        except RefusalError as refusal:
            # The server is shown all the same, with what is wrong.
            server = {**server, "message": str(refusal)}
    return {"server": server, "items": items}


async def project_view(learner: Learner, namespace: str) -> dict[str, Any]:
    """One project with what is in it, and what one may do there."""
    found = await learner.project(namespace)
    snapshot, offers, rights = await asyncio.gather(
        read(learner.acting, namespace, COUNTED),
        learner.offers(),
        rights_view(learner, namespace, all_of_them=True),
    )
    return {**project_item(found), **counted(snapshot, offers, found), **rights}


def counted(snapshot: Snapshot, offers: Offers, namespace: Any) -> dict[str, Any]:
    """How many there are of each; a section that may not be seen counts as empty."""

    def items(work: Any) -> list[Any]:
        try:
            return list(work())
        except RefusalError:
            return []

    benches = items(lambda: workbench_items(snapshot, offers, times.now()))
    models = items(lambda: [models_view(snapshot, offers, platform_of(namespace))])
    counts = {
        "workbenches": len(benches),
        "storages": len(items(lambda: storage_items(snapshot, offers))),
        "connections": len(items(lambda: connection_items(snapshot))),
        "servers": sum(len(view["servers"]) for view in models),
        "models": sum(len(view["items"]) for view in models),
    }
    shown = [
        {"name": b["name"], "displayName": b["displayName"], "word": b["status"]["word"],
         "url": b["url"]}
        for b in benches
    ]  # fmt: skip
    return {"workbenches": shown, "counts": counts}


__all__ = ["SECTIONS", "kinds", "project_view", "section_view"]
