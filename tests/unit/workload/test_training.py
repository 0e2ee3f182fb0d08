"""The network and its training: a tiny one, with the lab's own layers."""

from __future__ import annotations

import dataclasses
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

from mnist_workload.configuration import TrainingConfiguration
from mnist_workload.errors import DataError
from mnist_workload.model import build_model, layer_table
from mnist_workload.training import TimedCosine, augment, train, training_batches

STILL = {"rotation": 0.0, "scale": 0.0, "shift": 0.0, "shear": 0.0}


@pytest.fixture(scope="module")
def network():
    return build_model()


def test_the_number_of_parameters(network):
    # 832 + 51,264 for the convolutions, 128 + 256 to normalise, 803,072 + 2,570 to decide.
    assert network.count_params() == 858_122
    assert sum(layer["parameters"] for layer in layer_table(network)) == 858_122


def test_the_layers_are_the_labs(network):
    assert [layer["kind"] for layer in layer_table(network)] == [
        *("Conv2D", "MaxPooling2D", "BatchNormalization", "Dropout") * 2,
        *("Flatten", "Dense", "Dropout", "Dense"),
    ]
    outputs = [layer["output"] for layer in layer_table(network)]
    assert outputs[:2] + outputs[-4:] == [
        *((28, 28, 32), (14, 14, 32)),
        *((3136,), (256,), (256,), (10,)),
    ]
    assert [layer.rate for layer in network.layers if isinstance(layer, keras.layers.Dropout)] == [
        *(0.1, 0.1, 0.4)
    ]


def test_the_network_gives_probabilities(network, processed):
    probabilities = network.predict(processed.test_images[:5], verbose=0)
    assert probabilities.shape == (5, 10)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_tiny_training_learns(trained, tiny_configuration):
    losses = trained.history["loss"]
    assert len(losses) == tiny_configuration.epochs
    assert losses[-1] < losses[0]
    assert set(trained.history) >= {"accuracy", "val_accuracy", "val_loss"}
    assert trained.seconds > 0
    assert any("CPU" in device for device in trained.devices)


def test_one_epoch_is_the_same_with_the_same_seed(processed):
    configuration = TrainingConfiguration(epochs=1, batch_size=16, train_images=64, seed=5)
    weights = [
        train(
            processed.train_images, processed.train_labels, configuration, verbose=0
        ).model.get_weights()[0]
        for _ in range(2)
    ]
    assert np.allclose(weights[0], weights[1], atol=1e-5)


def test_the_time_budget_ends_the_training(processed, caplog):
    configuration = TrainingConfiguration(epochs=50, batch_size=10, max_seconds=0.5, patience=50)
    with caplog.at_level(logging.WARNING):
        result = train(processed.train_images, processed.train_labels, configuration, verbose=0)
    assert len(result.history["loss"]) < 50
    assert "time budget of 0 s" in caplog.text


def test_training_stops_when_it_gets_no_better(processed):
    # Labels by chance cannot be learned: the images held back get worse.
    chance = np.eye(10, dtype=np.float32)[np.random.default_rng(0).integers(0, 10, 200)]
    configuration = TrainingConfiguration(
        epochs=30, batch_size=25, patience=1, learning_rate=0.01, **STILL
    )
    result = train(processed.train_images, chance, configuration, verbose=0)
    assert len(result.history["loss"]) < 30


def test_one_image_is_too_few(processed):
    with pytest.raises(DataError, match=r"at least two \(found 1\)"):
        train(processed.train_images[:1], processed.train_labels[:1], TrainingConfiguration())


def test_the_schedule_warms_up_and_cools_down():
    schedule = TimedCosine(TrainingConfiguration(learning_rate=1.0, warmup=0.2), 10)
    rates = [schedule.rate(step / 100) for step in range(101)]
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates.index(max(rates)) == 20
    assert rates[:20] == sorted(rates[:20])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert 0 < rates[-1] < 0.01


def test_the_schedule_without_a_warm_up():
    assert TimedCosine(TrainingConfiguration(learning_rate=1.0, warmup=0), 10).rate(0) == 1.0


def test_a_slow_machine_hastens_the_schedule(monkeypatch):
    clock = iter([0.0, 30.0, 200.0])
    monkeypatch.setattr("mnist_workload.training.time.monotonic", lambda: next(clock))
    schedule = TimedCosine(TrainingConfiguration(max_seconds=100), 10)
    assert [schedule.progress(), schedule.progress()] == [0.3, 1.0]


@pytest.fixture
def dot():
    """Return one image of a dot right of the middle."""
    image = np.zeros((1, 28, 28, 1), np.float32)
    image[0, 13:15, 20:22] = 1
    return image


def _centre(image):
    rows, columns = np.indices((28, 28))
    mass = image.numpy()[0, ..., 0]
    return (mass * rows).sum() / mass.sum(), (mass * columns).sum() / mass.sum()


def test_augmentation_without_any_change_is_none(dot):
    still = TrainingConfiguration(**STILL)
    assert np.allclose(augment(dot, [1, 2], still), dot, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "reach"),
    [({"shift": 3.0}, 3.0), ({"rotation": 20.0}, 2.5), ({"scale": 0.2}, 2.0), ({"shear": 0.2}, 1)],
)
def test_each_kind_of_change_stays_in_its_bounds(dot, change, reach):
    configuration = TrainingConfiguration(**(STILL | change))
    middles = [_centre(augment(dot, [1, seed], configuration)) for seed in range(20)]
    moved = np.abs(np.array(middles) - (13.5, 20.5))
    assert moved.max() <= reach + 0.6
    if "shear" not in change:
        assert moved.max() > 0.3


def test_the_same_seed_moves_the_same_way(processed):
    configuration = TrainingConfiguration()
    images = tf.constant(processed.train_images[:8])
    first, again, other = (augment(images, [3, seed], configuration) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == images.shape


@pytest.mark.parametrize("change", [{}, STILL])
def test_batches_cover_the_images(processed, change):
    configuration = dataclasses.replace(TrainingConfiguration(batch_size=64), **change)
    batches = training_batches(processed.train_images, processed.train_labels, configuration)
    shapes = [images.shape for images, _ in batches]
    assert shapes == [(64, 28, 28, 1)] * 3
    assert int(batches.cardinality()) == 3


def test_few_images_make_one_batch(processed):
    batches = training_batches(
        processed.train_images[:5], processed.train_labels[:5], TrainingConfiguration()
    )
    assert [len(images) for images, _ in batches] == [5]
