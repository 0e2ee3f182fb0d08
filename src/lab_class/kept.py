"""The hashes of the learners' passwords, as a checkout keeps them for a new cluster.

With them a cluster that was made anew takes the passwords that were handed out for the one before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from lab_ground.files import write_whole

FILE = "learners.json"


def read(state: Path) -> dict[str, str]:
    """Return what is kept, by learner; nothing where there is no file, or none that can be read."""
    try:
        content = json.loads((state / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(learner): str(entry) for learner, entry in content.items()}


def write(state: Path, entries: Mapping[str, str]) -> bool:
    """Keep these and no others, for the owner alone; return whether something changed."""
    if dict(entries) == read(state):
        return False
    write_whole(state / FILE, json.dumps(dict(entries), indent=1, sort_keys=True) + "\n", 0o600)
    return True
