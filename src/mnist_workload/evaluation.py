"""How good the model is: as numbers, and in the forms that Kubeflow shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnist_workload.data import CLASSES
from mnist_workload.errors import DataError
from mnist_workload.files import save_json
from mnist_workload.preprocessing import Floats

DIGITS = tuple(str(digit) for digit in range(CLASSES))
METRICS_FILE = "mlpipeline-metrics.json"
UI_METADATA_FILE = "mlpipeline-ui-metadata.json"

_CURVE_POINTS = 200


@dataclass(frozen=True)
class RocCurve:
    """How the true positives grow with the false ones as the threshold falls."""

    false_positive_rate: tuple[float, ...]
    true_positive_rate: tuple[float, ...]
    threshold: tuple[float, ...]
    area: float


@dataclass(frozen=True)
class Evaluation:
    """The measures of a model on a set of images."""

    images: int
    accuracy: float
    precision: float
    recall: float
    f1: float
    confusion: NDArray[np.int64]
    """Row: true digit. Column: predicted digit."""
    curves: tuple[RocCurve, ...]
    """One for each digit against all others."""

    @property
    def numbers(self) -> dict[str, float]:
        """Return the single numbers by name."""
        return {
            "accuracy": self.accuracy,
            "precision-macro": self.precision,
            "recall-macro": self.recall,
            "f1-macro": self.f1,
            "roc-auc-macro": float(np.mean([curve.area for curve in self.curves])),
        }


class MetricsArtifact(Protocol):
    """The part of KFP's Metrics that is used here."""

    def log_metric(self, metric: str, value: float) -> None:
        """Record one number."""


class ClassificationArtifact(Protocol):
    """The part of KFP's ClassificationMetrics that is used here."""

    def log_confusion_matrix(self, categories: list[str], matrix: list[list[int]]) -> None:
        """Record the confusion matrix."""

    def log_roc_curve(self, fpr: list[float], tpr: list[float], threshold: list[float]) -> None:
        """Record a curve."""


def evaluate(labels: Floats, probabilities: Floats) -> Evaluation:
    """Compare one-hot labels with predicted probabilities."""
    if labels.shape != probabilities.shape or not len(labels):
        raise DataError(
            "predictions",
            f"must be {labels.shape[0]} rows of {CLASSES} like the labels",
            value=probabilities.shape,
        )
    truth, guess = labels.argmax(axis=1), probabilities.argmax(axis=1)
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(confusion, (truth, guess), 1)
    hits = confusion.diagonal().astype(np.float64)
    precision = _share(hits, confusion.sum(axis=0))
    recall = _share(hits, confusion.sum(axis=1))
    return Evaluation(
        images=len(labels),
        accuracy=float(hits.sum() / len(labels)),
        precision=float(precision.mean()),
        recall=float(recall.mean()),
        f1=float(_share(2 * precision * recall, precision + recall).mean()),
        confusion=confusion,
        curves=tuple(
            roc_curve(labels[:, digit] > 0.5, probabilities[:, digit]) for digit in range(CLASSES)
        ),
    )


def roc_curve(positive: NDArray[np.bool_], score: NDArray[np.floating[Any]]) -> RocCurve:
    """Trace a curve through every distinct score, and keep enough of its points to draw it."""
    order = np.argsort(-score, kind="stable")
    hits, ordered = positive[order], score[order]
    # Equal scores fall together: a curve may turn only where the score changes.
    ends = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)
    true = np.cumsum(hits)[ends]
    false = ends + 1 - true
    tpr = np.append(0.0, _share(true, np.full(len(ends), hits.sum())))
    fpr = np.append(0.0, _share(false, np.full(len(ends), len(hits) - hits.sum())))
    threshold = np.append(1.0, ordered[ends])
    area = float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))
    kept = _points_to_keep(fpr, tpr)
    return RocCurve(
        false_positive_rate=tuple(fpr[kept].tolist()),
        true_positive_rate=tuple(tpr[kept].tolist()),
        threshold=tuple(threshold[kept].tolist()),
        area=area,
    )


def write_kubeflow_outputs(
    evaluation: Evaluation, folder: Path, *, pictures: Iterable[tuple[str, str]] = ()
) -> None:
    """Write the two files whose content Kubeflow shows as a run's output.

    ``pictures`` are (title, HTML) pairs that are shown as they are.
    """
    save_json(folder / METRICS_FILE, kubeflow_metrics(evaluation))
    save_json(folder / UI_METADATA_FILE, kubeflow_ui_metadata(evaluation, pictures=pictures))


def kubeflow_metrics(evaluation: Evaluation) -> dict[str, Any]:
    """Return the content of ``mlpipeline-metrics.json``."""
    return {
        "metrics": [
            {"name": name, "numberValue": value, "format": "PERCENTAGE"}
            for name, value in evaluation.numbers.items()
        ]
    }


def kubeflow_ui_metadata(
    evaluation: Evaluation, *, pictures: Iterable[tuple[str, str]] = ()
) -> dict[str, Any]:
    """Return the content of ``mlpipeline-ui-metadata.json``."""
    summary = "\n".join(f"| {name} | {value:.4f} |" for name, value in evaluation.numbers.items())
    outputs: list[dict[str, Any]] = [
        {
            "type": "markdown",
            "storage": "inline",
            "source": f"# Evaluation on {evaluation.images} images\n\n"
            f"| measure | value |\n| --- | --- |\n{summary}\n",
        },
        {
            "type": "confusion_matrix",
            "storage": "inline",
            "format": "csv",
            "schema": [
                {"name": "target", "type": "CATEGORY"},
                {"name": "predicted", "type": "CATEGORY"},
                {"name": "count", "type": "NUMBER"},
            ],
            "source": "\n".join(
                f"{true},{guess},{evaluation.confusion[true, guess]}"
                for true in range(CLASSES)
                for guess in range(CLASSES)
            ),
            "labels": list(DIGITS),
        },
    ]
    outputs += [
        {
            "type": "roc",
            "storage": "inline",
            "format": "csv",
            "title": f"ROC of digit {digit}",
            "schema": [
                {"name": "fpr", "type": "NUMBER"},
                {"name": "tpr", "type": "NUMBER"},
                {"name": "thresholds", "type": "NUMBER"},
            ],
            "source": "\n".join(
                f"{fpr:.6f},{tpr:.6f},{threshold:.6f}"
                for fpr, tpr, threshold in zip(
                    curve.false_positive_rate,
                    curve.true_positive_rate,
                    curve.threshold,
                    strict=True,
                )
            ),
        }
        for digit, curve in enumerate(evaluation.curves)
    ]
    outputs += [
        {"type": "web-app", "storage": "inline", "title": title, "source": html}
        for title, html in pictures
    ]
    return {"version": 1, "outputs": outputs}


def log_to_artifacts(
    evaluation: Evaluation, metrics: MetricsArtifact, classification: ClassificationArtifact
) -> None:
    """Record an evaluation in the artifacts of a KFP v2 component."""
    for name, value in evaluation.numbers.items():
        metrics.log_metric(name, value)
    classification.log_confusion_matrix(list(DIGITS), evaluation.confusion.tolist())
    # One curve is all that KFP keeps: that of the digit which is told apart worst.
    worst = min(evaluation.curves, key=lambda curve: curve.area)
    classification.log_roc_curve(
        list(worst.false_positive_rate), list(worst.true_positive_rate), list(worst.threshold)
    )


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as plain numbers, for a JSON file."""
    return {
        "images": evaluation.images,
        **evaluation.numbers,
        "confusion_matrix": evaluation.confusion.tolist(),
        "roc_auc": {
            digit: curve.area for digit, curve in zip(DIGITS, evaluation.curves, strict=True)
        },
    }


def _share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    # A digit that never occurs, or is never predicted, counts as 0 rather than as nothing.
    share: NDArray[np.float64] = np.zeros(len(part), np.float64)
    np.divide(part, whole, out=share, where=whole > 0)
    return share


def _points_to_keep(fpr: NDArray[np.float64], tpr: NDArray[np.float64]) -> NDArray[np.int64]:
    """Keep the ends of a curve and its corners: what lies between is on a straight line."""
    turns = (np.diff(fpr) > 0).astype(int) - 2 * (np.diff(tpr) > 0)
    corners = np.flatnonzero(np.diff(turns)) + 1
    kept = np.unique(np.concatenate([[0], corners, [len(fpr) - 1]])).astype(np.int64)
    if len(kept) > _CURVE_POINTS:
        kept = kept[np.linspace(0, len(kept) - 1, _CURVE_POINTS).astype(np.int64)]
    return kept
