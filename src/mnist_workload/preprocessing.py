"""From whole-number pixels to what the network reads, and back to words about the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mnist_workload.data import CLASSES, SIDE, Dataset
from mnist_workload.files import load_arrays, save_arrays

Floats = NDArray[np.float32]

_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels")


@dataclass(frozen=True)
class ProcessedData:
    """What Pre-process hands on: scaled images (n, 28, 28, 1), one-hot labels (n, 10)."""

    train_images: Floats
    train_labels: Floats
    test_images: Floats
    test_labels: Floats


@dataclass(frozen=True)
class Description:
    """What a first look at a set of images tells."""

    images: int
    per_label: dict[int, int]
    darkest: int
    brightest: int
    mean: float
    deviation: float
    ink: float
    """Share of the pixels that are not background."""


def describe(dataset: Dataset) -> Description:
    """Summarise the images of a set."""
    images = dataset.images
    return Description(
        images=len(dataset),
        per_label=count_per_label(dataset.labels),
        darkest=int(images.min()),
        brightest=int(images.max()),
        mean=float(images.mean()),
        deviation=float(images.std()),
        ink=float(np.count_nonzero(images) / images.size),
    )


def count_per_label(labels: NDArray[np.integer]) -> dict[int, int]:
    """Count the images of each digit."""
    return dict(enumerate(np.bincount(labels, minlength=CLASSES).tolist()))


def scale(images: NDArray[np.uint8]) -> Floats:
    """Scale pixels from 0…255 to 0…1 and add the channel that a convolution expects."""
    scaled: Floats = images.reshape(-1, SIDE, SIDE, 1).astype(np.float32) / np.float32(255)
    return scaled


def one_hot(labels: NDArray[np.integer]) -> Floats:
    """Write each label as ten numbers, 1 at the digit and 0 elsewhere."""
    encoded: Floats = np.eye(CLASSES, dtype=np.float32)[labels]
    return encoded


def preprocess(train: Dataset, test: Dataset) -> ProcessedData:
    """Scale and reshape the images, one-hot the labels, of both sets."""
    return ProcessedData(
        scale(train.images), one_hot(train.labels), scale(test.images), one_hot(test.labels)
    )


def save_processed(path: Path, data: ProcessedData) -> None:
    """Leave the processed data for the steps that follow."""
    save_arrays(path, **{name: getattr(data, name) for name in _ARRAYS})


def load_processed(path: Path) -> ProcessedData:
    """Read what Pre-process left."""
    return ProcessedData(**load_arrays(path, *_ARRAYS))


def split_validation(
    images: Floats, labels: Floats, held_back: int, *, use: int = 0, seed: int
) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Shuffle once, then hold back images to watch the training with.

    Returns (training images, labels) and (validation images, labels); ``use`` limits both.
    """
    order = np.random.default_rng(seed).permutation(len(images))
    if use:
        order = order[:use]
    # At least half of the images are for training, however few there are.
    held_back = min(held_back, len(order) // 2)
    validation, training = order[:held_back], order[held_back:]
    return (images[training], labels[training]), (images[validation], labels[validation])
