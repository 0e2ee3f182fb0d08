"""Measures worked out by hand, and the forms that Kubeflow shows."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest

from mnist_workload.errors import DataError
from mnist_workload.evaluation import (
    evaluate,
    kubeflow_metrics,
    kubeflow_ui_metadata,
    log_to_artifacts,
    roc_curve,
    summary,
    write_kubeflow_outputs,
)
from mnist_workload.preprocessing import one_hot
from mnist_workload.review import Mistake, find_mistakes, mistakes_markdown, mistakes_table

TRUTH = [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]
GUESS = [0, 0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0]
SURE = [0.9, 0.9, 0.6, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.8]


@pytest.fixture
def predictions():
    probabilities = np.zeros((len(GUESS), 10), np.float32)
    for row, (guess, sure) in enumerate(zip(GUESS, SURE, strict=True)):
        probabilities[row] = (1 - sure) / 9
        probabilities[row, guess] = sure
    return one_hot(np.array(TRUTH)), probabilities


@pytest.fixture
def evaluation(predictions):
    return evaluate(*predictions)


def test_the_numbers(evaluation):
    assert evaluation.images == 14
    assert evaluation.accuracy == pytest.approx(12 / 14)
    # Of three images called 0, two are; of three called 1, two are; all others are right.
    assert evaluation.precision == pytest.approx((2 / 3 + 2 / 3 + 8) / 10)
    # Of three 0s, two are found; of two 9s, one.
    assert evaluation.recall == pytest.approx((2 / 3 + 8 + 0.5) / 10)
    f1 = [2 / 3, 2 * (2 / 3) / (2 / 3 + 1), *[1] * 7, 2 * 0.5 / 1.5]
    assert evaluation.f1 == pytest.approx(sum(f1) / 10)


def test_the_confusion_matrix(evaluation):
    assert evaluation.confusion.sum() == 14
    assert (evaluation.confusion[0, 1], evaluation.confusion[9, 0]) == (1, 1)
    assert evaluation.confusion.diagonal().tolist() == [2, 2, 1, 1, 1, 1, 1, 1, 1, 1]


def test_a_digit_that_never_occurs_counts_as_nothing(predictions):
    labels, probabilities = (array[:5] for array in predictions)
    evaluation = evaluate(labels, probabilities)
    assert evaluation.recall == pytest.approx((2 / 3 + 1) / 10)
    assert all(np.isfinite(value) for value in evaluation.numbers.values())


def test_predictions_must_match_the_labels(predictions):
    labels, probabilities = predictions
    with pytest.raises(DataError, match="14 rows of 10"):
        evaluate(labels, probabilities[:3])
    with pytest.raises(DataError):
        evaluate(labels[:0], probabilities[:0])


@pytest.mark.parametrize(
    ("positive", "score", "area"),
    [
        ([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1], 1.0),
        ([0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1], 0.0),
        ([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5], 0.5),
        ([1, 0, 1, 0], [0.9, 0.7, 0.6, 0.1], 0.75),
    ],
)
def test_the_area_under_a_curve(positive, score, area):
    curve = roc_curve(np.array(positive, bool), np.array(score))
    assert curve.area == pytest.approx(area)
    ends = list(zip(curve.false_positive_rate, curve.true_positive_rate, strict=True))
    assert (ends[0], ends[-1]) == ((0, 0), (1, 1))


def test_a_long_curve_keeps_its_shape():
    chance = np.random.default_rng(1)
    positive = chance.random(20000) < 0.5
    score = chance.normal(size=20000) + positive
    curve = roc_curve(positive, score)
    assert len(curve.threshold) <= 200
    drawn = np.trapezoid(curve.true_positive_rate, curve.false_positive_rate)
    assert drawn == pytest.approx(curve.area, abs=0.01)
    assert curve.area == pytest.approx(0.76, abs=0.02)


def test_the_metrics_that_kubeflow_reads(evaluation):
    metrics = kubeflow_metrics(evaluation)["metrics"]
    assert {metric["name"]: metric["numberValue"] for metric in metrics} == evaluation.numbers
    for metric in metrics:
        assert metric["format"] == "PERCENTAGE"
        # The form that Kubeflow asks of a metric's name.
        assert metric["name"].replace("-", "").isalnum()
        assert metric["name"].islower()


def test_the_pages_that_kubeflow_shows(evaluation):
    document = kubeflow_ui_metadata(evaluation, pictures=[("Title", "<p>html</p>")])
    kinds = [output["type"] for output in document["outputs"]]
    assert kinds == ["markdown", "confusion_matrix", *["roc"] * 10, "web-app"]
    assert all(output["storage"] == "inline" for output in document["outputs"])
    matrix = list(csv.reader(io.StringIO(document["outputs"][1]["source"])))
    assert len(matrix) == 100
    assert ["9", "0", "1"] in matrix
    points = list(csv.reader(io.StringIO(document["outputs"][2]["source"])))
    assert all(len(point) == 3 and 0 <= float(point[0]) <= 1 for point in points)
    assert "| accuracy | 0.8571 |" in document["outputs"][0]["source"]


def test_both_files_are_written(tmp_path, evaluation):
    write_kubeflow_outputs(evaluation, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["mlpipeline-metrics.json", "mlpipeline-ui-metadata.json"]
    for name in names:
        assert json.loads((tmp_path / name).read_text())


def test_the_summary_is_plain_json(evaluation):
    again = json.loads(json.dumps(summary(evaluation)))
    assert again["accuracy"] == evaluation.accuracy
    assert len(again["confusion_matrix"]) == len(again["roc_auc"]) == 10


def test_the_artifacts_of_a_component(evaluation):
    from kfp import dsl

    metrics, classification = dsl.Metrics(), dsl.ClassificationMetrics()
    log_to_artifacts(evaluation, metrics, classification)
    assert metrics.metadata == evaluation.numbers
    matrix = classification.metadata["confusionMatrix"]
    assert [spec["displayName"] for spec in matrix["annotationSpecs"]] == list("0123456789")
    assert matrix["rows"][9]["row"][0] == 1
    points = classification.metadata["confidenceMetrics"]
    assert (points[-1]["falsePositiveRate"], points[-1]["recall"]) == (1, 1)


def test_mistakes_come_worst_first(predictions):
    mistakes = find_mistakes(*predictions)
    assert [(m.index, m.true_label, m.predicted_label) for m in mistakes] == [(13, 9, 0), (2, 0, 1)]
    assert mistakes[0].confidence == pytest.approx(0.8)
    assert mistakes[0].true_probability == pytest.approx(0.2 / 9)


def test_equally_sure_mistakes_keep_their_order():
    labels = one_hot(np.array([1, 2]))
    probabilities = np.full((2, 10), 0.0, np.float32)
    probabilities[:, 5] = 1
    assert [mistake.index for mistake in find_mistakes(labels, probabilities)] == [0, 1]


def test_the_mistakes_as_tables():
    mistake = Mistake(3, 7, 1, 0.912345, 0.05)
    assert mistakes_table([mistake]) == [
        {
            "image": 3,
            "true": 7,
            "predicted": 1,
            "confidence": 0.9123,
            "probability of the truth": 0.05,
        }
    ]
    assert "| 3 | 7 | 1 | 0.9123 | 0.05 |" in mistakes_markdown([mistake])
    assert mistakes_markdown([]) == "# 0 images read wrongly\n\n"
