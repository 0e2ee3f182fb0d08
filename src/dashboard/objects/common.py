"""What all objects of the dashboard have, and the random part of names that nobody chooses."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lab_ground.kubernetes.manifest import Manifest

DASHBOARD = {"opendatahub.io/dashboard": "true"}
DISPLAY_NAME = "openshift.io/display-name"
DESCRIPTION = "openshift.io/description"
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
LABEL_LIMIT = 63


def metadata(
    namespace: str,
    name: str,
    display: str | None = None,
    description: str | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Manifest:
    """Metadata with the dashboard's label and the shown name and text, where they are given."""
    shown = {
        **({DISPLAY_NAME: display} if display is not None else {}),
        **({DESCRIPTION: description} if description is not None else {}),
        **(annotations or {}),
    }
    return {
        "name": name,
        "namespace": namespace,
        "labels": {**DASHBOARD, **(labels or {})},
        **({"annotations": shown} if shown else {}),
    }


def display_of(manifest: Mapping[str, Any]) -> str:
    """An object's shown name: its own where it has no other."""
    found = manifest["metadata"].get("annotations") or {}
    return str(found.get(DISPLAY_NAME) or manifest["metadata"]["name"])


def random_name(stem: str) -> str:
    """A name with six random letters, as ``secret-x1y2z3``."""
    return f"{stem}-" + "".join(secrets.choice(_LETTERS) for _ in range(6))


def translated_user(user: str) -> str:
    """A user's name as the value of a label, in upstream's way.

    >>> translated_user("ann@lab.org")
    'ann-40lab-2eorg'
    """
    text = quote(user, safe="")
    for character in "-._~":
        text = text.replace(character, f"%{ord(character):02x}")
    text = text.replace("%", "-").lower()[:LABEL_LIMIT]
    # A label's value begins and ends with a letter or a digit.
    return text.strip("-")
