"""Training: light augmentation, a warm-up and cosine schedule, early stopping, a time budget."""

from __future__ import annotations

import logging
import math
import os
import time
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

from mnist_workload.configuration import TrainingConfiguration
from mnist_workload.data import SIDE
from mnist_workload.devices import warn_without_gpu
from mnist_workload.errors import DataError
from mnist_workload.model import build_model
from mnist_workload.preprocessing import Floats, split_validation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingResult:
    """A trained model and how it came to be."""

    model: keras.Model
    history: dict[str, list[float]]
    seconds: float
    devices: tuple[str, ...]


class TimedCosine(keras.callbacks.Callback):
    """Raise the learning rate to its peak, then lower it along a cosine to nothing.

    How far along the training is, is told by its steps or by the clock, whichever is further.
    A machine of ordinary speed follows the steps; a slow one still ends its schedule in time
    instead of being cut off in the middle of it.
    """

    def __init__(self, configuration: TrainingConfiguration, steps_per_epoch: int) -> None:
        """Prepare a schedule over all epochs."""
        super().__init__()
        self._peak = configuration.learning_rate
        self._warmup = configuration.warmup
        self._budget = configuration.max_seconds
        self._steps = configuration.epochs * steps_per_epoch
        self._step = 0
        self._started = time.monotonic()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_batch_begin(self, *_: Any, **__: Any) -> None:
        """Set the learning rate of this batch."""
        self.model.optimizer.learning_rate = self.rate(self.progress())
        self._step += 1

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """Stop once the time is used up."""
        if time.monotonic() - self._started >= self._budget:
            logger.warning("The time budget of %.0f s is used up: training ends.", self._budget)
            self.model.stop_training = True

    def progress(self) -> float:
        """Return how far along the training is, from 0 to 1."""
        elapsed = time.monotonic() - self._started
        return min(1.0, max(self._step / self._steps, elapsed / self._budget))

    def rate(self, progress: float) -> float:
        """Return the learning rate at a point of the training."""
        if progress < self._warmup:
            return self._peak * max(progress / self._warmup, 0.05)
        share = (progress - self._warmup) / (1 - self._warmup)
        return self._peak * (0.005 + 0.995 * 0.5 * (1 + math.cos(math.pi * share)))


def train(
    images: Floats,
    labels: Floats,
    configuration: TrainingConfiguration,
    *,
    verbose: int = 2,
) -> TrainingResult:
    """Train the lab's network; a GPU is used where TensorFlow finds one."""
    if len(images) < 2:
        raise DataError("training images", "there must be at least two", value=len(images))
    warn_without_gpu(tf.config.list_physical_devices("GPU"))
    keras.utils.set_random_seed(configuration.seed)
    training, validation = split_validation(
        images,
        labels,
        configuration.validation_images,
        use=configuration.train_images,
        seed=configuration.seed,
    )
    model = build_model()
    model.compile(
        optimizer=keras.optimizers.Adam(configuration.learning_rate),
        loss=keras.losses.CategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    batches = training_batches(*training, configuration)
    started = time.monotonic()
    history = model.fit(
        batches,
        epochs=configuration.epochs,
        validation_data=validation,
        validation_batch_size=500,
        callbacks=[
            TimedCosine(configuration, int(batches.cardinality())),
            keras.callbacks.EarlyStopping(
                monitor="val_loss", patience=configuration.patience, restore_best_weights=True
            ),
        ],
        shuffle=False,  # the batches are shuffled already
        verbose=verbose,
    )
    return TrainingResult(
        model=model,
        history={name: [float(v) for v in values] for name, values in history.history.items()},
        seconds=time.monotonic() - started,
        devices=tuple(device.name for device in tf.config.list_logical_devices()),
    )


def training_batches(
    images: Floats, labels: Floats, configuration: TrainingConfiguration
) -> tf.data.Dataset:
    """Return shuffled batches, each image moved about a little; the seed decides all of it."""
    batches = (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(len(images), seed=configuration.seed)
        # Full batches only, so that the graph is traced once; few images make one batch.
        .batch(min(configuration.batch_size, len(images)), drop_remainder=True)
    )
    if configuration.augmented:
        seeds = tf.data.Dataset.random(configuration.seed, rerandomize_each_iteration=True)
        batches = tf.data.Dataset.zip(batches, seeds.batch(2)).map(
            lambda batch, seed: (augment(batch[0], seed, configuration), batch[1]),
            num_parallel_calls=1,
        )
    count = len(images) // min(configuration.batch_size, len(images))
    return batches.apply(tf.data.experimental.assert_cardinality(count)).prefetch(2)


def augment(images: tf.Tensor, seed: tf.Tensor, configuration: TrainingConfiguration) -> tf.Tensor:
    """Turn, slant, resize and shift each image of a batch a little, in one cheap operation."""
    chance = tf.random.stateless_uniform([5, tf.shape(images)[0]], seed, -1.0, 1.0)
    angle = chance[0] * np.float32(math.radians(configuration.rotation))
    size = 1.0 + chance[1] * configuration.scale
    a = tf.cos(angle) * size
    b = chance[2] * configuration.shear - tf.sin(angle) * size
    c = tf.sin(angle) * size
    # Turn about the centre of the image, then shift.
    middle = (SIDE - 1) / 2
    move_x = middle - (a + b) * middle + chance[3] * configuration.shift
    move_y = middle - (c + a) * middle + chance[4] * configuration.shift
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, move_x, c, a, move_y, zero, zero], axis=1),
        output_shape=[SIDE, SIDE],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
