"""Settings: typed, changed by the environment, refused when they cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest

from mnist_workload.configuration import (
    PROFILES,
    TrainingConfiguration,
    load_paths,
    load_training_configuration,
)
from mnist_workload.errors import ConfigurationError


def test_the_default_profile():
    assert load_training_configuration({}) == TrainingConfiguration()


def test_a_profile_is_chosen_by_the_environment_or_by_name():
    assert load_training_configuration({"MNIST_PROFILE": "quick"}) == PROFILES["quick"]
    assert load_training_configuration({"MNIST_PROFILE": "quick"}, "default") == PROFILES["default"]


def test_values_keep_their_types():
    changed = load_training_configuration(
        {"MNIST_EPOCHS": "3", "MNIST_LEARNING_RATE": "0.5", "MNIST_SEED": ""}
    )
    assert (changed.epochs, changed.learning_rate, changed.seed) == (3, 0.5, 7)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"MNIST_PROFILE": "slow"}, "MNIST_PROFILE='slow' is none of default, quick"),
        ({"MNIST_EPOCHS": "many"}, "MNIST_EPOCHS='many' is not of type int"),
        ({"MNIST_EPOCHS": "1.5"}, "not of type int"),
        ({"MNIST_EPOCHS": "0"}, "epochs must be above 0, not 0"),
        ({"MNIST_ROTATION": "-1"}, "rotation must not be below 0"),
        ({"MNIST_WARMUP": "1"}, "warmup must be a share"),
    ],
)
def test_what_cannot_be_used_is_refused(environ, said):
    with pytest.raises(ConfigurationError, match=said):
        load_training_configuration(environ)


def test_augmentation_can_be_switched_off():
    still = {f"MNIST_{name}": "0" for name in ("ROTATION", "SCALE", "SHIFT", "SHEAR")}
    assert load_training_configuration({}).augmented
    assert not load_training_configuration(still).augmented


def test_the_paths_are_the_labs():
    paths = load_paths({})
    assert paths.processed == Path("/tmp/ml-pipeline/processed.npz")
    assert (paths.model_key, paths.sidecar_key) == ("onnx/model-v2.onnx", "onnx/model-v2.json")


def test_the_paths_can_be_changed():
    assert load_paths({"MNIST_WORKDIR": "/data"}).model == Path("/data/model.onnx")
