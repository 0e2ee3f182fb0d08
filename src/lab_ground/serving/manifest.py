"""The file in a model's folder that tells the server what to load. Data only, never code."""

from __future__ import annotations

import json
from pathlib import Path

from lab_ground.serving.constants import MANIFEST


def write_manifest(folder: Path, *, revision: str, file: str) -> None:
    """Describe the model in `folder` so that the server can load it."""
    text = json.dumps({"revision": revision, "file": file})
    temporary = folder / f".{MANIFEST}"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(folder / MANIFEST)
