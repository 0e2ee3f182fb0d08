"""A workbench's events in the dashboard's words, and how far its start has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.status import times
from lab_diagnosis.evidence import event_time

Event = Mapping[str, Any]
PROXY_NAMES = ("oauth-proxy", "kube-rbac-proxy", "auth-proxy")
# Reason, words, per cent; the last four come again for the proxy.
STEPS: tuple[tuple[str, str, int], ...] = (
    ("SuccessfulCreate", "Pod created", 8),
    ("Scheduled", "Pod assigned", 16),
    ("SuccessfulAttachVolume", "PVC attached", 24),
    ("AddedInterface", "Interface added", 32),
    ("Pulling", "Pulling notebook image", 40),
    ("Pulled", "Notebook image pulled", 48),
    ("Created", "Notebook container created", 56),
    ("Started", "Notebook container started", 64),
    ("Pulling proxy", "Pulling oauth proxy", 72),
    ("Pulled proxy", "Oauth proxy pulled", 80),
    ("Created proxy", "Oauth proxy container created", 88),
    ("Started proxy", "Oauth proxy container started", 96),
)
ERRORS = {
    "FailedCreate": "Failed to create pod",
    "FailedScheduling": "Insufficient resources to start",
    "NotTriggerScaleUp": "Failed to scale-up",
    "BackOff": "ImagePullBackOff",
}
OTHER_ERROR = "Issue creating notebook container"
# A new pod's server does not answer yet: its readiness probe says so, and that is no failure.
EXPECTED = "Readiness probe failed"
REQUESTED = "Server requested"
WAITING = "Waiting for server request to start..."
_WORDS = {reason: (words, percent) for reason, words, percent in STEPS}
# What a cluster may not tell of at all: no start waits for it.
SELDOM = ("PVC attached", "Interface added")


@dataclass(frozen=True)
class Told:
    """One event as it is shown."""

    time: str
    type: str
    reason: str
    message: str
    words: str
    percent: int
    error: bool

    def as_dict(self) -> dict[str, str]:
        """For an answer."""
        return {
            "time": self.time,
            "type": self.type,
            "reason": self.reason,
            "message": self.message,
        }


def tell(event: Event) -> Told:
    """One event in the dashboard's words."""
    reason, message = str(event.get("reason") or ""), str(event.get("message") or "")
    kind = str(event.get("type") or "Normal")
    path = str((event.get("involvedObject") or {}).get("fieldPath") or "")
    proxy = any(name in message or name in path for name in PROXY_NAMES)
    if kind == "Warning":
        words, percent = ERRORS.get(reason, OTHER_ERROR), 0
        if reason == "BackOff" and "restarting failed container" in message:
            words = "CrashLoopBackOff"
    else:
        key = f"{reason} proxy" if proxy and f"{reason} proxy" in _WORDS else reason
        words, percent = _WORDS.get(key, (message, 0))
    error = kind == "Warning" and EXPECTED not in message
    return Told(event_time(event), kind, reason, message, words, percent, error)


def relevant(
    events: Sequence[Event], name: str, pods: Sequence[Event], since: datetime
) -> list[Told]:
    """What happened to a workbench since it was started, the newest last.

    Of its pods by their uids; where there is none yet, of its StatefulSet.
    """
    uids = {pod["metadata"].get("uid") for pod in pods}
    found = []
    for event in events:
        about = event.get("involvedObject") or {}
        of_pod = about.get("kind") == "Pod" and about.get("uid") in uids
        of_set = about.get("kind") == "StatefulSet" and about.get("name") == name
        if (of_pod or of_set) and times.parse(event_time(event)) >= since:
            found.append(event)
    return [tell(event) for event in sorted(found, key=event_time)]
