"""Preprocessing and the description of the data."""

from __future__ import annotations

import numpy as np
import pytest

from mnist_workload.errors import ForeignFileError
from mnist_workload.files import save_arrays
from mnist_workload.preprocessing import (
    count_per_label,
    describe,
    load_processed,
    one_hot,
    save_processed,
    scale,
    split_validation,
)


def test_scaling_spans_zero_to_one():
    images = np.array([[[0, 51], [102, 255]]], np.uint8)
    scaled = scale(np.tile(images, (1, 14, 14)))
    assert scaled.shape == (1, 28, 28, 1)
    assert scaled.dtype == np.float32
    assert np.allclose(np.unique(scaled), [0, 0.2, 0.4, 1])


def test_one_hot_labels():
    encoded = one_hot(np.array([0, 9, 3], np.uint8))
    assert encoded.dtype == np.float32
    assert encoded.argmax(axis=1).tolist() == [0, 9, 3]
    assert encoded.sum(axis=1).tolist() == [1, 1, 1]


def test_the_description(dataset):
    description = describe(dataset)
    assert description.images == 200
    assert description.per_label == dict.fromkeys(range(10), 20)
    assert (description.darkest, description.brightest) == (0, int(dataset.images.max()))
    assert description.ink == pytest.approx(48 / 784)
    assert description.mean == pytest.approx(float(dataset.images.mean()))


def test_digits_that_do_not_occur_are_counted_as_none():
    assert count_per_label(np.array([2, 2]))[3] == 0


def test_processed_data_comes_back(tmp_path, processed):
    path = tmp_path / "processed.npz"
    save_processed(path, processed)
    again = load_processed(path)
    assert (again.train_images == processed.train_images).all()
    assert (again.test_labels == processed.test_labels).all()


def test_another_file_is_not_taken_for_processed_data(tmp_path):
    save_arrays(tmp_path / "other.npz", train_images=np.zeros(1))
    with pytest.raises(ForeignFileError, match="no array train_labels"):
        load_processed(tmp_path / "other.npz")


def test_validation_images_are_held_back(processed):
    images, labels = processed.train_images, processed.train_labels
    training, validation = split_validation(images, labels, 30, seed=1)
    assert (len(training[0]), len(validation[0])) == (170, 30)
    together = np.concatenate([training[0], validation[0]]).reshape(200, -1)
    assert sorted(together.sum(axis=1)) == sorted(images.reshape(200, -1).sum(axis=1))
    again, _ = split_validation(images, labels, 30, seed=1)
    other, _ = split_validation(images, labels, 30, seed=2)
    assert (again[0] == training[0]).all()
    assert not (other[0] == training[0]).all()


def test_a_small_set_is_never_all_held_back(processed):
    training, validation = split_validation(
        processed.train_images, processed.train_labels, 2000, use=10, seed=1
    )
    assert (len(training[0]), len(validation[0])) == (5, 5)
