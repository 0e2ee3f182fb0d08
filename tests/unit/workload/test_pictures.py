"""Every picture of the notebooks can be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from mnist_workload import pictures
from mnist_workload.evaluation import evaluate
from mnist_workload.model import build_model, layer_table
from mnist_workload.review import Mistake


@pytest.fixture
def evaluation(processed):
    chance = np.random.default_rng(2)
    probabilities = processed.test_labels * 0.3 + chance.random(processed.test_labels.shape)
    return evaluate(
        processed.test_labels, np.float32(probabilities / probabilities.sum(axis=1, keepdims=True))
    )


def texts(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


def drawn(figure):
    """Return a figure as PNG bytes, which is what a notebook makes of it."""
    page = pictures.as_html(figure, 'a "picture"')
    assert "&quot;picture&quot;" in page
    assert "http" not in page
    return page


def test_images_under_their_titles(dataset):
    figure = pictures.digits(dataset.images[:12], [str(n) for n in dataset.labels[:12]])
    assert [axis.get_title() for axis in figure.axes][9:12] == ["9", "0", "1"]
    assert drawn(figure)


def test_the_numbers_of_an_image(dataset):
    figure = pictures.pixels(dataset.images[0])
    assert len(texts(figure)) == 784
    assert texts(figure)[4 * 28 + 4] == str(dataset.images[0, 4, 4])


def test_the_counts_of_the_digits():
    figure = pictures.counts({"train": dict.fromkeys(range(10), 6), "test": {0: 1, 1: 2}})
    assert "6" in texts(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "test"]


def test_the_network_layer_by_layer():
    figure = pictures.network(layer_table(build_model()))
    said = texts(figure)
    assert "28 x 28 x 32 = 25,088 numbers" in said
    assert "803,072 learned" in said
    assert drawn(figure)


def test_what_filters_see():
    figure = pictures.feature_maps(np.random.default_rng(0).random((28, 28, 32)))
    assert [axis.get_title() for axis in figure.axes][-1] == "filter 15"


def test_how_the_training_went():
    values = {
        "accuracy": [0.5, 0.9],
        "loss": [2, 1],
        "val_accuracy": [0.6, 0.8],
        "val_loss": [3, 2],
    }
    figure = pictures.history(values)
    assert [len(axis.lines) for axis in figure.axes] == [2, 2]
    assert drawn(pictures.schedule([0.1, 0.2, 0.1]))


def test_the_measures(evaluation):
    assert texts(pictures.confusion(evaluation))[0] == str(evaluation.confusion[0, 0])
    curves = pictures.roc(evaluation)
    assert len(curves.axes[0].lines) == 10
    assert drawn(curves)


@pytest.mark.parametrize("number", [0, 1, 40])
def test_the_mistakes(dataset, number):
    found = [Mistake(index, 3, 5, 0.99, 0.01) for index in range(number)]
    titles = [axis.get_title() for axis in pictures.mistakes(found, dataset.images).axes]
    assert titles.count("3 read as 5\n(99% sure)") == min(number, 30)


def test_the_ten_probabilities():
    figure = pictures.probabilities(np.eye(10)[4].tolist())
    assert [patch.get_height() for patch in figure.axes[0].patches] == np.eye(10)[4].tolist()
