"""A pipeline server's state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from dashboard.status import times
from lab_ground.kubernetes.conditions import get_condition, is_true

# As long as it may take before it is called failed.
PATIENCE = timedelta(minutes=5)


def state_of(application: Mapping[str, Any], now: datetime) -> tuple[str, str]:
    """State (starting, ready, failed, unsupported) and message."""
    if (application.get("spec") or {}).get("dspVersion", "v2") != "v2":
        return "unsupported", "Unsupported pipeline and pipeline server version"
    conditions = (application.get("status") or {}).get("conditions") or []
    if is_true(conditions, "APIServerReady"):
        return "ready", "The pipeline server is ready."
    ready = get_condition(conditions, "Ready") or {}
    message = str(ready.get("message") or "The pipeline server is being started.")
    if now - times.created(application) < PATIENCE:
        return "starting", message
    return "failed", message
