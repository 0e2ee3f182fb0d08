"""Upstream's definitions as data, a folder for each version; they are not part of the project."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from resource_definitions.definitions import SHARED

UPSTREAM = (
    Path(os.environ.get("LAB_UPSTREAM", Path(__file__).resolve().parents[3] / "shared"))
    / "upstream-crds"
)


def upstream_definitions(version: str) -> dict[str, dict[str, Any]]:
    """Upstream's definitions of a version by name; none where the data is not on this machine."""
    found = {
        file.stem: json.loads(file.read_text())["crd"]["spec"]
        for folder in (version, *SHARED)
        for file in sorted((UPSTREAM / folder).glob("*.json"))
    }
    if not found:
        print(f"nothing compared: {UPSTREAM / version} is not there; set LAB_UPSTREAM")
        assert os.environ.get("CI") != "true", f"{UPSTREAM / version} is not there"
    return found
