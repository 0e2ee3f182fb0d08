"""Who may do what in a project, as the page shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import kinds
from dashboard.catalogue import is_shown, labels_of
from dashboard.objects.permissions import SHARING
from dashboard.snapshot import Snapshot

ROLES = ("admin", "edit")


def permission_items(snapshot: Snapshot) -> list[dict[str, Any]]:
    """The bindings of users and groups, those that are made here first.

    Upstream shows only its own; a binding that came with the project is shown too, and cannot be
    changed here.
    """
    found = [permission_item(binding) for binding in snapshot.need(kinds.ROLE_BINDING)]
    items = [item for item in found if item is not None]
    return sorted(items, key=lambda item: (item["fixed"], item["kind"], item["subject"]))


def permission_item(binding: Mapping[str, Any]) -> dict[str, Any] | None:
    """One binding by its first subject; None where it is none of a user's or a group's."""
    subjects, role = binding.get("subjects") or (), binding.get("roleRef") or {}
    own = is_shown(binding) and labels_of(binding).get(SHARING) == "true"
    if not subjects or role.get("kind") != "ClusterRole" or role.get("name") not in ROLES:
        return None
    subject = subjects[0]
    kind, name = str(subject["kind"]), str(subject["name"])
    if kind == "ServiceAccount":
        kind, name = "User", f"system:serviceaccount:{subject.get('namespace')}:{name}"
    return {
        "name": binding["metadata"]["name"],
        "kind": kind,
        "subject": name,
        "role": role["name"],
        "created": binding["metadata"].get("creationTimestamp"),
        "fixed": not own,
    }
