"""What steps report: by the SDK's own classes, by KFP v1's files, and broken."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from kfp import dsl

from pipeline_server.web import charts, metrics
from pipeline_server.web.view_models import Artifact


def artifact(schema: str, metadata: dict[str, Any] | None = None, name: str = "m") -> Artifact:
    return Artifact("a", name, schema, metadata=metadata or {})


def nothing(_: Artifact) -> str:
    raise AssertionError("this artifact needs no file")


def one(item: Artifact, text: str = "") -> Any:
    """The only visual of an artifact."""
    (visual,) = metrics.visuals([item], lambda _: text)
    return visual


def test_scalars_as_the_sdk_logs_them() -> None:
    logged = dsl.Metrics()
    logged.log_metric("accuracy", 0.99)
    logged.log_metric("epochs", 6)
    table = one(artifact("system.Metrics", {**logged.metadata, "display_name": "Scores"}))
    assert table.title == "Scores"
    assert [(item.name, item.value) for item in table.items] == [("accuracy", 0.99), ("epochs", 6)]


def test_confusion_matrix_and_roc_as_the_sdk_logs_them() -> None:
    logged = dsl.ClassificationMetrics()
    logged.log_confusion_matrix(["cat", "dog"], [[9, 1], [2, 8]])
    logged.log_roc_curve([0.0, 0.5, 1.0], [0.0, 0.9, 1.0], [1.0, 0.5, 0.0])
    shown = metrics.visuals([artifact("system.ClassificationMetrics", logged.metadata)], nothing)
    matrix, roc = shown
    assert isinstance(matrix, metrics.ConfusionMatrix)
    assert matrix.rows == ((9, 1), (2, 8))
    assert isinstance(roc, metrics.RocCurve)
    assert metrics.area_under(roc) == pytest.approx(0.7)


def test_a_matrix_that_is_not_square_is_a_notice() -> None:
    metadata = {"confusionMatrix": {"annotationSpecs": [{"displayName": "a"}], "rows": []}}
    visual = one(artifact("system.ClassificationMetrics", metadata))
    assert isinstance(visual, metrics.Notice)
    assert "not 1 by 1" in visual.message


@pytest.mark.parametrize(
    "metadata",
    [
        {"confusionMatrix": {"annotationSpecs": 3}},
        {"confidenceMetrics": [{"recall": "x"}]},
        {"confidenceMetrics": [{"recall": 7, "falsePositiveRate": 0}]},
        {"confusionMatrix": {"annotationSpecs": [None], "rows": [None]}},
    ],
)
def test_what_cannot_be_read_is_said_not_raised(metadata: dict[str, Any]) -> None:
    assert isinstance(one(artifact("system.ClassificationMetrics", metadata)), metrics.Notice)


def test_infinite_thresholds_of_scikit_learn_are_fine() -> None:
    readings = [
        {"confidenceThreshold": float("inf"), "recall": 0.0, "falsePositiveRate": 0.0},
        {"confidenceThreshold": 0.1, "recall": 1.0, "falsePositiveRate": 1.0},
    ]
    roc = one(artifact("system.ClassificationMetrics", {"confidenceMetrics": readings}))
    assert charts.draw_roc(roc).area == "0.5000"


def test_sliced_metrics() -> None:
    part = {"confusionMatrix": {"annotationSpecs": [{"displayName": "a"}], "rows": [{"row": [3]}]}}
    metadata = {"evaluationSlices": [{"slice": "women", "sliceClassificationMetrics": part}]}
    assert one(artifact("system.SlicedClassificationMetrics", metadata)).title == "m: women"


def test_metrics_file_of_kfp_1() -> None:
    text = json.dumps({"metrics": [{"name": "f1", "numberValue": 0.5, "format": "PERCENTAGE"}]})
    table = one(artifact("system.Artifact", name="mlpipeline_metrics"), text)
    assert table.items == (metrics.Scalar("f1", 0.5, True),)


def test_metadata_file_of_kfp_1_and_elyra() -> None:
    outputs = [
        {"type": "markdown", "storage": "inline", "source": "# Hello"},
        {"type": "table", "header": ["a", "b"], "source": "1,2\n3,4\n"},
        {
            "type": "confusion_matrix",
            "schema": [{"name": "target"}, {"name": "predicted"}, {"name": "count"}],
            "source": "no,no,5\nno,yes,1\nyes,no,0\nyes,yes,4\n",
            "labels": ["no", "yes"],
        },
        {"type": "roc", "source": "0,0,1\n0.2,0.9,0.5\n1,1,0\n"},
        {"type": "web-app", "source": "<b>hi</b>"},
        {"type": "table", "storage": "s3", "source": "s3://b/x.csv"},
        {"type": "hologram", "source": "?"},
        {"type": "roc", "source": "a,b,c"},
    ]
    item = artifact("system.Artifact", name="mlpipeline-ui-metadata.json")
    shown = metrics.visuals([item], lambda _: json.dumps({"outputs": outputs}))
    assert [visual.kind for visual in shown] == [
        "markdown",
        "table",
        "confusion",
        "roc",
        "frame",
        "notice",
        "notice",
        "notice",
    ]
    matrix = shown[2]
    assert isinstance(matrix, metrics.ConfusionMatrix)
    assert matrix.rows == ((5, 1), (0, 4))


@pytest.mark.parametrize(
    ("kind", "source", "otherwise"),
    [
        ("markdown", "# Hello", "Notes"),
        ("table", "a,b\n1,2\n", "Table"),
        ("confusion_matrix", "no,no,5\n", "Confusion matrix"),
        ("roc", "0,0,1\n", "ROC curve"),
        ("web-app", "<b>hi</b>", "Report"),
    ],
)
def test_an_output_s_own_title_is_shown(kind: str, source: str, otherwise: str) -> None:
    outputs = [
        {"type": kind, "source": source, "title": "of digit 7"},
        {"type": kind, "source": source},
    ]
    item = artifact("system.Artifact", name="mlpipeline-ui-metadata")
    shown = metrics.visuals([item], lambda _: json.dumps({"outputs": outputs}))
    assert [visual.title for visual in shown] == ["of digit 7", otherwise]


def test_a_frame_is_of_the_step_that_wrote_it() -> None:
    """Elyra's steps each write a file of this name."""
    items = [
        replace(artifact("system.Artifact", name="mlpipeline-ui-metadata"), id=step)
        for step in ("evaluate", "review")
    ]
    texts = {
        "evaluate": [{"type": "markdown", "source": "# E"}],
        "review": [{"type": "roc", "source": "0,0,1\n"}, {"type": "web-app", "source": "<b>R</b>"}],
    }
    shown = metrics.visuals(items, lambda item: json.dumps({"outputs": texts[item.id]}))
    assert [
        (visual.artifact_id, visual.number) for visual in shown if isinstance(visual, metrics.Frame)
    ] == [("review", 1)]


def test_a_file_that_is_gone_is_a_notice() -> None:
    def gone(_: Artifact) -> str:
        raise ValueError("The object store has no such object.")

    (visual,) = metrics.visuals([artifact("x", name="mlpipeline-metrics")], gone)
    assert isinstance(visual, metrics.Notice)
    assert "no such object" in visual.message


def test_the_matrix_is_shaded_by_share_of_the_true_class() -> None:
    matrix = metrics.ConfusionMatrix("m", ("a", "b"), ((99, 1), (0, 0)))
    drawing = charts.draw_matrix(matrix)
    assert [cell.shade for cell in drawing.cells] == [6, 2, 0, 0]
    assert drawing.accuracy == "99.00%"
    assert "true a, predicted b: 1 (1.0% of the true class)" in drawing.cells[1].caption


def test_a_curve_of_many_points_is_thinned() -> None:
    readings = [
        {"falsePositiveRate": i / 9999, "recall": i / 9999, "confidenceThreshold": 0.0}
        for i in range(10_000)
    ]
    roc = one(artifact("system.ClassificationMetrics", {"confidenceMetrics": readings}))
    assert len(roc.points) <= metrics.MOST_POINTS
