"""What is wanted of a model server, and how each of its models is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from model_puller.model import ModelSpec

LOADING, LOADED, FAILED = "Loading", "Loaded", "FailedToLoad"
RETRY_FIRST, RETRY_LAST = 3.0, 60.0


@dataclass
class ModelState:
    """How one model is."""

    spec: ModelSpec
    state: str = LOADING
    active: str = ""
    """The revision that is served; empty for none."""
    served: str = ""
    """Its name in replies, which differs from content to content."""
    active_file: str = ""
    tried: str = ""
    """The objects' version that was loaded last, or found to be no good."""
    overwritten: bool = False
    """The bucket has another one than `tried`."""
    message: str = ""
    time: str = ""
    retry_at: float | None = None
    delay: float = RETRY_FIRST

    def report(self) -> dict[str, str]:
        """The public part."""
        return {
            "name": self.spec.name,
            "revision": self.spec.revision,
            "state": self.state,
            "activeRevision": self.active,
            "servedAs": self.served,
            "message": self.message,
            "time": self.time,
        }


@dataclass
class Wanted:
    """One generation of the wanted models."""

    generation: str = ""
    models: dict[str, ModelSpec] = field(default_factory=dict)
    storage_version: str = ""

    @classmethod
    def from_data(cls, data: Mapping[str, str]) -> Wanted:
        """Read the ConfigMap's data."""
        models = {}
        for item in json.loads(data.get("models.json", "[]")):
            spec = ModelSpec.from_json(item)
            models[spec.name] = spec
        return cls(data.get("generation", ""), models, data.get("storageVersion", ""))
