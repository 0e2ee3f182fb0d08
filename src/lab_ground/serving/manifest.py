"""The file in a model's folder that tells the server what to load. Data only, never code."""

from __future__ import annotations

import json
from pathlib import Path

from lab_ground.files import write_whole
from lab_ground.serving.constants import MANIFEST


def write_manifest(folder: Path, *, revision: str, file: str) -> None:
    """Describe the model in `folder` so that the server can load it."""
    write_whole(folder / MANIFEST, json.dumps({"revision": revision, "file": file}))
