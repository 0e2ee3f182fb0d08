"""The network of the lab, layer by layer."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

from mnist_workload.data import CLASSES, SIDE

INPUT_NAME = "input_1"
OUTPUT_NAME = "probabilities"


def build_model() -> keras.Model:
    """Build the convolutional network; its weights come from Keras' seed."""
    return keras.Sequential(
        [
            keras.Input(shape=(SIDE, SIDE, 1), name=INPUT_NAME),
            # Strokes: 32 small filters slide over the drawing.
            layers.Conv2D(32, 5, padding="same", activation="relu", name="strokes"),
            layers.MaxPooling2D(2, name="strokes_pool"),
            layers.BatchNormalization(momentum=0.9, name="strokes_norm"),
            layers.Dropout(0.1, name="strokes_dropout"),
            # Shapes: 64 filters look at combinations of strokes.
            layers.Conv2D(64, 5, padding="same", activation="relu", name="shapes"),
            layers.MaxPooling2D(2, name="shapes_pool"),
            layers.BatchNormalization(momentum=0.9, name="shapes_norm"),
            layers.Dropout(0.1, name="shapes_dropout"),
            # The digit: weigh all that was seen.
            layers.Flatten(name="flatten"),
            layers.Dense(256, activation="relu", name="weigh"),
            layers.Dropout(0.4, name="weigh_dropout"),
            layers.Dense(CLASSES, activation="softmax", name=OUTPUT_NAME),
        ],
        name="mnist",
    )


def layer_table(model: keras.Model) -> list[dict[str, Any]]:
    """Describe a model layer by layer: name, kind, shape of its output, parameters."""
    return [
        {
            "layer": layer.name,
            "kind": type(layer).__name__,
            "output": tuple(layer.output.shape[1:]),
            "parameters": layer.count_params(),
        }
        for layer in model.layers
    ]
