"""Typed settings. Every field can be set by an environment variable named ``MNIST_<FIELD>``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from mnist_workload.errors import ConfigurationError

Settings = TypeVar("Settings", "TrainingConfiguration", "WorkloadPaths")


@dataclass(frozen=True)
class TrainingConfiguration:
    """How the network is trained. The defaults are the ones measured in docs/workload.md."""

    seed: int = 7
    epochs: int = 5
    batch_size: int = 128
    learning_rate: float = 3e-3
    warmup: float = 0.1
    """Share of the training in which the learning rate climbs to its peak."""
    validation_images: int = 2000
    """Training images held back to watch the training with; never the test images."""
    train_images: int = 0
    """Use only the first N images of the shuffled training set; 0 uses them all."""
    patience: int = 4
    """Epochs without a better validation loss before the training stops early."""
    max_seconds: float = 170.0
    """Time budget: on a slower machine the schedule is shortened to end within it."""
    rotation: float = 10.0
    """Augmentation: largest turn, in degrees either way."""
    scale: float = 0.1
    """Augmentation: largest change of size, as a share."""
    shift: float = 2.0
    """Augmentation: largest move, in pixels."""
    shear: float = 0.1
    """Augmentation: largest slant, as a share."""

    def __post_init__(self) -> None:
        """Refuse values that no training can be run with."""
        for name in ("epochs", "batch_size", "patience", "max_seconds", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} must be above 0, not {getattr(self, name)}")
        for name in (
            "seed",
            "train_images",
            "validation_images",
            "rotation",
            "scale",
            "shift",
            "shear",
        ):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must not be below 0, not {getattr(self, name)}")
        if not 0 <= self.warmup < 1:
            raise ConfigurationError(f"warmup must be a share from 0 to below 1, not {self.warmup}")

    @property
    def augmented(self) -> bool:
        """Tell whether training images are moved about at all."""
        return any((self.rotation, self.scale, self.shift, self.shear))


@dataclass(frozen=True)
class WorkloadPaths:
    """Where things are: on the volume that the steps share, and in the bucket."""

    workdir: Path = Path("/tmp/ml-pipeline")  # noqa: S108 - the mount path of the lab's volume
    train_key: str = "data/train.csv"
    test_key: str = "data/test.csv"
    model_key: str = "onnx/model-v2.onnx"
    # OpenVINO's server of one model loads numbered folders only, and nothing beside them.
    version_key: str = "onnx/1/model.onnx"

    @property
    def processed(self) -> Path:
        """Return the file that Pre-process hands to the other steps."""
        return self.workdir / "processed.npz"

    @property
    def model(self) -> Path:
        """Return the exported model on the shared volume."""
        return self.workdir / "model.onnx"

    @property
    def sidecar_key(self) -> str:
        """Return the key of the JSON that describes the model beside it."""
        return self.model_key.removesuffix(".onnx") + ".json"


PROFILES: Mapping[str, TrainingConfiguration] = {
    "default": TrainingConfiguration(),
    "quick": TrainingConfiguration(
        epochs=2,
        batch_size=64,
        learning_rate=2e-3,
        train_images=8000,
        validation_images=1000,
        # Seven seconds where nothing else runs; on a busy machine the accuracy comes first.
        max_seconds=90.0,
        rotation=0.0,
        scale=0.0,
        shift=0.0,
        shear=0.0,
    ),
}


def load_training_configuration(
    environ: Mapping[str, str] | None = None, profile: str | None = None
) -> TrainingConfiguration:
    """Return the profile of ``MNIST_PROFILE`` (or the one named) with its overrides."""
    environ = os.environ if environ is None else environ
    name = profile or environ.get("MNIST_PROFILE") or "default"
    if name not in PROFILES:
        raise ConfigurationError(f"MNIST_PROFILE={name!r} is none of {', '.join(PROFILES)}")
    return _override(PROFILES[name], environ)


def load_paths(environ: Mapping[str, str] | None = None) -> WorkloadPaths:
    """Return the paths with their overrides, e.g. ``MNIST_WORKDIR``."""
    return _override(WorkloadPaths(), os.environ if environ is None else environ)


def _override(settings: Settings, environ: Mapping[str, str]) -> Settings:
    changes: dict[str, Any] = {}
    for field in fields(settings):
        variable = f"MNIST_{field.name.upper()}"
        text = environ.get(variable, "")
        if not text:
            continue
        kind = type(getattr(settings, field.name))
        convert = Path if issubclass(kind, Path) else kind
        try:
            changes[field.name] = convert(text)
        except ValueError:
            raise ConfigurationError(
                f"{variable}={text!r} is not of type {kind.__name__}"
            ) from None
    return replace(settings, **changes)
