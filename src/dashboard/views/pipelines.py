"""A project's pipeline server as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dashboard import kinds
from dashboard.snapshot import Snapshot
from dashboard.status.causes import cause_of
from dashboard.status.pipelines import state_of


def application_of(snapshot: Snapshot) -> dict[str, Any] | None:
    """The first of the project, whatever its name."""
    return next(iter(snapshot.need(kinds.PIPELINES)), None)


def server_view(snapshot: Snapshot, now: datetime) -> dict[str, Any] | None:
    """The server; None where there is none."""
    application = application_of(snapshot)
    if application is None:
        return None
    name = application["metadata"]["name"]
    state, message = state_of(application, now)
    store = (application.get("spec") or {}).get("objectStorage") or {}
    external, own = store.get("externalStorage") or {}, store.get("minio") or {}
    host = external.get("host")
    return {
        "name": name,
        "state": state,
        "message": message,
        "cause": cause_of(snapshot, application) if state == "failed" else None,
        "url": url_of(snapshot.get(kinds.ROUTE, f"ds-pipeline-{name}")),
        "bucket": external.get("bucket") or own.get("bucket") or "",
        "endpoint": f"{external.get('scheme') or 'https'}://{host}" if host else "",
    }


def url_of(route: Mapping[str, Any] | None) -> str | None:
    """Where a Route leads to, once it does."""
    for entry in ((route or {}).get("status") or {}).get("ingress") or ():
        if entry.get("host"):
            return f"https://{entry['host']}/"
    return None
