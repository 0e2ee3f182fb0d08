"""A model repository whose folders hold data only.

MLServer's own repository takes the runtime class from a file in the model's folder, so whoever
writes the folder chooses the code. Here a folder has a manifest with a name, a revision and a
file; the class is ours.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlserver import ModelSettings
from mlserver.errors import ModelNotFound
from mlserver.repository import ModelRepository
from mlserver.settings import ModelParameters

from lab_ground.serving.constants import MANIFEST
from model_server.onnx_model import OnnxModel

MODEL_VERSION = "1"


class DataOnlyRepository(ModelRepository):
    """Finds models as `<root>/<model>/model.json`."""

    def __init__(self, root: str, **_: object) -> None:
        self._root = Path(root)

    async def list(self) -> list[ModelSettings]:  # type: ignore[override,unused-ignore]
        """All models that have a readable manifest."""
        found = []
        for manifest in sorted(self._root.glob(f"*/{MANIFEST}")):
            settings = _read(manifest)
            if settings is not None:
                found.append(settings)
        return found

    async def find(self, name: str) -> Any:
        """The one model of that name; a name is a folder's name, never a path."""
        if "/" in name or name in {"", ".", ".."}:
            raise ModelNotFound(name)
        settings = _read(self._root / name / MANIFEST)
        if settings is None:
            raise ModelNotFound(name)
        return [settings]


def _read(manifest: Path) -> ModelSettings | None:
    try:
        described = json.loads(manifest.read_text(encoding="utf-8"))
        revision, file = str(described["revision"]), str(described["file"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ModelSettings(
        name=manifest.parent.name,
        implementation=OnnxModel,
        platform="onnxruntime_onnx",
        versions=[MODEL_VERSION],
        parameters=ModelParameters(
            uri=str(manifest.parent / file), version=MODEL_VERSION, extra={"revision": revision}
        ),
    )
