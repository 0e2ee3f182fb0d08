"""Reads what steps report: KFP v2 metrics, and the two ``mlpipeline-*.json`` files of KFP v1.

Everything here comes from a learner's own code. A part that cannot be read becomes a ``Notice``
saying so; it never breaks the page.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline_server.web.view_models import Artifact

METRICS_FILE = "mlpipeline-metrics"
METADATA_FILE = "mlpipeline-ui-metadata"
MOST_CLASSES = 60
MOST_ROWS = 200
MOST_POINTS = 2000
HIDDEN_KEYS = frozenset({"display_name", "store_session_info"})


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number (or word) with its name."""

    name: str
    value: float | str
    percentage: bool = False


@dataclass(frozen=True, slots=True)
class ScalarTable:
    """Numbers that a step reports."""

    title: str
    items: tuple[Scalar, ...]
    kind: str = "scalars"


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Counts by true class (rows) and predicted class (columns)."""

    title: str
    labels: tuple[str, ...]
    rows: tuple[tuple[float, ...], ...]
    kind: str = "confusion"


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Points (false positive rate, true positive rate, threshold), left to right."""

    title: str
    points: tuple[tuple[float, float, float], ...]
    kind: str = "roc"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: str = "table"


@dataclass(frozen=True, slots=True)
class Text:
    """Markdown that a step wrote."""

    title: str
    source: str
    kind: str = "markdown"


@dataclass(frozen=True, slots=True)
class Frame:
    """A web page that a step wrote into its metadata; shown in a sandboxed frame.

    It is output ``number`` of the artifact ``artifact_id``: several steps may have such a file.
    """

    title: str
    source: str
    number: int
    artifact_id: str
    kind: str = "frame"


@dataclass(frozen=True, slots=True)
class Notice:
    """Why something is not shown."""

    title: str
    message: str
    kind: str = "notice"


Visual = ScalarTable | ConfusionMatrix | RocCurve | Table | Text | Frame | Notice
Reader = Callable[[Artifact], str]


def visuals(artifacts: Sequence[Artifact], read: Reader) -> tuple[Visual, ...]:
    """Everything that the artifacts have to show; ``read`` gives the text of a small file."""
    shown: list[Visual] = []
    for artifact in artifacts:
        title = str(artifact.metadata.get("display_name") or artifact.name)
        try:
            shown.extend(_of_artifact(artifact, title, read))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            shown.append(Notice(title, f"This cannot be drawn: {error}"))
    return tuple(shown)


def area_under(curve: RocCurve) -> float:
    """Area under the curve, by trapezoids."""
    return sum(
        (right[0] - left[0]) * (right[1] + left[1]) / 2
        for left, right in zip(curve.points, curve.points[1:], strict=False)
    )


def scalars_of(artifacts: Sequence[Artifact], read: Reader) -> dict[str, Scalar]:
    """All numbers of some artifacts by name, for lists and comparisons."""
    return {
        item.name: item
        for visual in visuals(artifacts, read)
        if isinstance(visual, ScalarTable)
        for item in visual.items
    }


def _of_artifact(artifact: Artifact, title: str, read: Reader) -> list[Visual]:
    stem = artifact.name.replace("_", "-").removesuffix(".json")
    if stem == METRICS_FILE:
        return [_metrics_file(title, json.loads(read(artifact)))]
    if stem == METADATA_FILE:
        return _metadata_file(json.loads(read(artifact)), artifact)
    if artifact.schema == "system.Metrics":
        items = _scalars(artifact.metadata)
        return [ScalarTable(title, items)] if items else []
    if artifact.schema == "system.ClassificationMetrics":
        return _classification(title, artifact.metadata)
    if artifact.schema == "system.SlicedClassificationMetrics":
        return [
            visual
            for part in artifact.metadata.get("evaluationSlices") or ()
            for visual in _classification(
                f"{title}: {part.get('slice', '')}", part.get("sliceClassificationMetrics") or {}
            )
        ]
    return []


def _scalars(metadata: Mapping[str, Any]) -> tuple[Scalar, ...]:
    return tuple(
        Scalar(name, item if isinstance(item, str) else float(item))
        for name, item in metadata.items()
        if name not in HIDDEN_KEYS and isinstance(item, str | int | float)
    )


def _classification(title: str, metadata: Mapping[str, Any]) -> list[Visual]:
    shown: list[Visual] = []
    items = _scalars(metadata)
    if items:
        shown.append(ScalarTable(title, items))
    matrix = metadata.get("confusionMatrix")
    if isinstance(matrix, Mapping):
        matrix = matrix.get("struct", matrix)
        labels = [str(spec.get("displayName", "")) for spec in matrix.get("annotationSpecs") or ()]
        rows = [
            [float(cell) for cell in (row["row"] if isinstance(row, Mapping) else row)]
            for row in matrix.get("rows") or ()
        ]
        shown.append(_confusion(title, labels, rows))
    readings = metadata.get("confidenceMetrics")
    if isinstance(readings, Mapping):
        readings = readings.get("list", ())
    if readings:
        shown.append(
            _roc(
                title,
                [
                    (
                        float(reading.get("falsePositiveRate", 0)),
                        float(reading.get("recall", 0)),
                        float(reading.get("confidenceThreshold", 0)),
                    )
                    for reading in readings
                ],
            )
        )
    return shown


def _confusion(title: str, labels: list[str], rows: list[list[float]]) -> Visual:
    if not rows or len(rows) != len(labels) or any(len(row) != len(labels) for row in rows):
        raise ValueError(f"the confusion matrix is not {len(labels)} by {len(labels)}")
    if len(labels) > MOST_CLASSES:
        raise ValueError(f"the confusion matrix has {len(labels)} classes, more than fit")
    return ConfusionMatrix(title, tuple(labels), tuple(tuple(row) for row in rows))


def _roc(title: str, points: list[tuple[float, float, float]]) -> Visual:
    finite = [point for point in points if math.isfinite(point[0]) and math.isfinite(point[1])]
    if any(not 0 <= value <= 1 for point in finite for value in point[:2]):
        raise ValueError("a rate of the ROC curve lies outside 0 to 1")
    finite.sort(key=lambda point: (point[0], point[1]))
    step = max(1, math.ceil(len(finite) / MOST_POINTS))
    return RocCurve(title, tuple(finite[::step]))


def _metrics_file(title: str, content: Any) -> Visual:
    metrics = content.get("metrics", content) if isinstance(content, Mapping) else content
    return ScalarTable(
        "Metrics" if title.startswith(METRICS_FILE) else title,
        tuple(
            Scalar(
                str(item["name"]),
                float(item.get("numberValue", 0)),
                item.get("format") == "PERCENTAGE",
            )
            for item in metrics
        ),
    )


def _metadata_file(content: Mapping[str, Any], artifact: Artifact) -> list[Visual]:
    outputs = content.get("outputs") or ()
    if content.get("metrics") and not outputs:
        return [_metrics_file("Metrics", content)]
    shown: list[Visual] = []
    for number, output in enumerate(outputs):
        kind = str(output.get("type", ""))
        try:
            shown.append(_output(kind, output, number, artifact))
        except (ValueError, TypeError, KeyError, StopIteration) as error:
            shown.append(Notice(kind or "Output", f"This cannot be drawn: {error}"))
    return shown


def _output(kind: str, output: Mapping[str, Any], number: int, artifact: Artifact) -> Visual:
    source = str(output.get("source") or "")
    title = str(output.get("title") or "")
    if output.get("storage", "inline") != "inline" and kind != "tensorboard":
        return Notice(kind, f"Kept in the object store: {source}")
    if kind == "markdown":
        return Text(title or "Notes", source)
    if kind == "web-app":
        return Frame(title or "Report", source, number, artifact.id)
    if kind == "table":
        header = [str(name) for name in output.get("header") or ()]
        return _table(title or "Table", header, source)
    if kind == "confusion_matrix":
        return _confusion_from_csv(title or "Confusion matrix", output, source)
    if kind == "roc":
        rows = [[float(cell) for cell in row[:3]] for row in _rows(source) if row]
        return _roc(
            title or "ROC curve",
            [(row[0], row[1], row[2] if len(row) > 2 else 0.0) for row in rows],
        )
    return Notice(kind or "Output", "This kind of output has no drawing here.")


def _table(title: str, header: list[str], source: str) -> Table:
    rows = _rows(source)
    if not header and rows:
        header, rows = rows[0], rows[1:]
    return Table(title, tuple(header), tuple(tuple(row) for row in rows[:MOST_ROWS]))


def _confusion_from_csv(title: str, output: Mapping[str, Any], source: str) -> Visual:
    columns = [str(column.get("name")) for column in output.get("schema") or ()]
    places = [
        columns.index(name) if name in columns else index
        for index, name in enumerate(("target", "predicted", "count"))
    ]
    cells = [tuple(row[place] for place in places) for row in _rows(source) if len(row) >= 3]
    labels = [str(label) for label in output.get("labels") or ()] or list(
        dict.fromkeys(cell[0] for cell in cells)
    )
    index = {label: place for place, label in enumerate(labels)}
    rows = [[0.0] * len(labels) for _ in labels]
    for target, predicted, count in cells:
        rows[_class(index, target)][_class(index, predicted)] = float(count)
    return _confusion(title, labels, rows)


def _class(index: Mapping[str, int], label: str) -> int:
    if label in index:
        return index[label]
    if label.isdigit() and int(label) < len(index):
        return int(label)
    raise ValueError(f"the confusion matrix has a class {label!r} that its labels lack")


def _rows(source: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(source)) if row]


def preview_table(title: str, text: str) -> Table:
    """The first rows of a CSV file."""
    return _table(title, [], text)
