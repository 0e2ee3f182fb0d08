"""Cluster storage as the page shows it, with what is connected to what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import kinds
from dashboard.catalogue import is_shown
from dashboard.objects.common import DESCRIPTION, display_of
from dashboard.snapshot import Snapshot
from dashboard.status.workbench import is_stopped
from dashboard.validation import WORKING_DIRECTORY
from dashboard.views.workbenches import Offers, gib_of, mounts_of

Thing = Mapping[str, Any]


def storage_items(snapshot: Snapshot, offers: Offers) -> list[dict[str, Any]]:
    """Every storage that the dashboard knows, by name."""
    claims = [claim for claim in snapshot.need(kinds.CLAIM) if is_shown(claim)]
    return [storage_item(claim, snapshot, offers) for claim in claims]


def storage_item(claim: Thing, snapshot: Snapshot, offers: Offers) -> dict[str, Any]:
    """One storage."""
    metadata = claim["metadata"]
    connected = connected_of(metadata["name"], snapshot)
    reason = grow_reason(claim, offers)
    return {
        "name": metadata["name"],
        "displayName": display_of(claim),
        "description": (metadata.get("annotations") or {}).get(DESCRIPTION) or "",
        "sizeGiB": gib_of(claim),
        "storageClass": (claim.get("spec") or {}).get("storageClassName"),
        "type": "Persistent storage",
        "phase": (claim.get("status") or {}).get("phase") or "Pending",
        "canGrow": reason is None,
        "growReason": reason,
        "root": any(entry["root"] for entry in connected),
        "connected": connected,
        "created": metadata.get("creationTimestamp"),
    }


def connected_of(claim: str, snapshot: Snapshot) -> list[dict[str, Any]]:
    """The workbenches that mount a claim."""
    return [
        {
            "kind": "workbench",
            "name": notebook["metadata"]["name"],
            "displayName": display_of(notebook),
            "path": path,
            "root": path.rstrip("/") == WORKING_DIRECTORY,
            "running": not is_stopped(notebook),
        }
        for notebook in snapshot.of(kinds.NOTEBOOK)
        for name, path in mounts_of(notebook)
        if name == claim
    ]


def grow_reason(claim: Thing, offers: Offers) -> str | None:
    """Why a storage cannot be made larger; None where it can."""
    if (claim.get("status") or {}).get("phase") != "Bound":
        return "The size can be changed once the storage is bound: a workbench must use it first."
    name = (claim.get("spec") or {}).get("storageClassName")
    for storage_class in offers.storage_classes:
        if storage_class["name"] == name:
            if storage_class["canGrow"]:
                return None
            return f"Storage of class {name} cannot be made larger."
    return "The storage's class does not say that it can be made larger."
