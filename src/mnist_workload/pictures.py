"""The pictures of the notebooks. Each function returns a figure; a notebook shows it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mnist_workload.evaluation import DIGITS, Evaluation
from mnist_workload.review import Mistake

Array = np.ndarray[Any, Any]

_INK = "#0b57a4"
_QUIET = "#8a8d90"


def digits(images: Array, titles: Sequence[str], *, columns: int = 10) -> Figure:
    """Show images side by side, each under its title."""
    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(columns * 1.1, rows * 1.35), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, image, title in zip(axes, images, titles, strict=False):
        axis.imshow(np.squeeze(image), cmap="gray_r")
        axis.set_title(title, fontsize=9)
    return figure


def pixels(image: Array) -> Figure:
    """Show an image with the number in each of its pixels."""
    values = np.squeeze(image)
    figure = Figure(figsize=(9, 9), layout="constrained")
    axis = figure.subplots()
    axis.imshow(values, cmap="gray_r")
    for row, column in np.ndindex(values.shape):
        shade = "white" if values[row, column] > values.max() / 2 else _QUIET
        axis.text(
            column,
            row,
            f"{values[row, column]:g}",
            ha="center",
            va="center",
            fontsize=6,
            color=shade,
        )
    axis.axis("off")
    return figure


def counts(per_label: Mapping[str, Mapping[int, int]]) -> Figure:
    """Show how many images of each digit there are, set by set."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(per_label)
    for index, (name, numbers) in enumerate(per_label.items()):
        places = np.arange(len(numbers)) + (index - (len(per_label) - 1) / 2) * width
        bars = axis.bar(places, list(numbers.values()), width, label=name)
        axis.bar_label(bars, fontsize=7)
    axis.set(xlabel="digit", ylabel="images", xticks=range(len(DIGITS)))
    figure.legend(loc="outside upper right", ncols=len(per_label))
    return figure


def network(layers: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the network layer by layer: the wider a box, the more numbers leave the layer."""
    figure = Figure(figsize=(11, 0.5 * len(layers) + 0.5), layout="constrained")
    axis = figure.subplots()
    largest = max(float(np.prod(layer["output"])) for layer in layers)
    for index, layer in enumerate(layers):
        leaving = float(np.prod(layer["output"]))
        width = 0.08 + 0.92 * (leaving / largest) ** 0.5
        colour = _INK if layer["parameters"] else _QUIET
        axis.add_patch(Rectangle((0.5 - width / 2, -index), width, 0.6, color=colour, alpha=0.85))
        shape = " x ".join(str(side) for side in layer["output"])
        texts = (
            (1.06, str(layer["kind"]), "black"),
            (1.48, str(layer["layer"]), "black"),
            (1.88, f"{shape} = {leaving:,.0f} numbers", "black"),
            (2.55, f"{layer['parameters']:,} learned", colour),
        )
        for place, text, shade in texts:
            axis.text(place, 0.3 - index, text, va="center", fontsize=9, color=shade)
    axis.set(xlim=(0, 2.9), ylim=(-len(layers) + 0.8, 0.8))
    axis.axis("off")
    return figure


def feature_maps(maps: Array, *, columns: int = 8) -> Figure:
    """Show what the filters of a convolution make of one image: [height, width, filters]."""
    shown = np.moveaxis(maps, -1, 0)[: columns * 2]
    return digits(shown, [f"filter {index}" for index in range(len(shown))], columns=columns)


def history(values: Mapping[str, Sequence[float]]) -> Figure:
    """Show how accuracy and loss went, epoch by epoch."""
    figure = Figure(figsize=(9, 3), layout="constrained")
    for axis, name in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        epochs = range(1, len(values[name]) + 1)
        axis.plot(epochs, values[name], "o-", color=_QUIET, label="training (images moved about)")
        axis.plot(epochs, values[f"val_{name}"], "o-", color=_INK, label="images held back")
        axis.set(xlabel="epoch", ylabel=name)
        axis.legend(fontsize=8)
    return figure


def schedule(rates: Sequence[float]) -> Figure:
    """Show how large the steps of the learning are, from the beginning to the end."""
    figure = Figure(figsize=(9, 2.2), layout="constrained")
    axis = figure.subplots()
    axis.plot(np.linspace(0, 100, len(rates)), rates, color=_INK)
    axis.set(xlabel="% of the training", ylabel="learning rate")
    return figure


def confusion(evaluation: Evaluation) -> Figure:
    """Show the confusion matrix; mistakes stand out, right answers are quiet."""
    figure = Figure(figsize=(7, 6), layout="constrained")
    axis = figure.subplots()
    mistakes = evaluation.confusion.astype(float)
    np.fill_diagonal(mistakes, 0)
    axis.imshow(mistakes, cmap="Reds")
    for row, column in np.ndindex(mistakes.shape):
        axis.text(
            column,
            row,
            str(evaluation.confusion[row, column]),
            ha="center",
            va="center",
            fontsize=8,
            color=_QUIET if row == column else "black",
        )
    axis.set(
        xlabel="the model says",
        ylabel="it is",
        xticks=range(len(DIGITS)),
        yticks=range(len(DIGITS)),
        title=f"accuracy {evaluation.accuracy:.2%}",
    )
    return figure


def roc(evaluation: Evaluation) -> Figure:
    """Show a curve for each digit against all others, near its corner."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    axis = figure.subplots()
    colours = matplotlib.colormaps["tab10"]
    for digit, curve in enumerate(evaluation.curves):
        axis.step(
            curve.false_positive_rate,
            curve.true_positive_rate,
            where="post",
            color=colours(digit),
            label=f"{digit}: area {curve.area:.5f}",
        )
    axis.set(
        xlabel="false positives (share, logarithmic)",
        ylabel="true positives (share)",
        ylim=(0.9, 1.002),
    )
    axis.set_xscale("symlog", linthresh=1e-4)
    axis.set_xlim(0, 1)
    axis.legend(fontsize=8)
    return figure


def mistakes(made: Sequence[Mistake], images: Array, *, limit: int = 30) -> Figure:
    """Show the misclassified digits, worst first."""
    shown = list(made[:limit])
    return digits(
        images[[mistake.index for mistake in shown]] if shown else images[:0],
        [f"{m.true_label} read as {m.predicted_label}\n({m.confidence:.0%} sure)" for m in shown],
        columns=6,
    )


def probabilities(values: Sequence[float]) -> Figure:
    """Show the ten probabilities of one answer."""
    figure = Figure(figsize=(6, 2.2), layout="constrained")
    axis = figure.subplots()
    best = int(np.argmax(values))
    axis.bar(DIGITS, values, color=[_INK if i == best else _QUIET for i in range(len(values))])
    axis.set(ylim=(0, 1), ylabel="probability")
    return figure


def as_html(figure: Figure, text: str) -> str:
    """Return a page that holds a figure, with nothing to load from elsewhere."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=80)
    picture = base64.b64encode(stream.getvalue()).decode()
    said = html.escape(text, quote=True)
    return (
        f'<!doctype html><html lang="en"><title>{said}</title>'
        f'<img alt="{said}" src="data:image/png;base64,{picture}"></html>'
    )
