"""Geometry of the two drawings: confusion matrix and ROC curve. Templates turn it into SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline_server.web import formatting
from pipeline_server.web.metrics import ConfusionMatrix, RocCurve, Visual, area_under

SHADES = 6


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of the matrix; ``shade`` 0 (empty) to 6 (all of its row)."""

    x: float
    y: float
    text: str
    shade: int
    correct: bool
    caption: str


@dataclass(frozen=True, slots=True)
class Label:
    """Text at a place."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class MatrixDrawing:
    """A confusion matrix ready to be drawn."""

    width: float
    height: float
    cell: float
    left: float
    top: float
    cells: tuple[Cell, ...]
    columns: tuple[Label, ...]
    rows: tuple[Label, ...]
    accuracy: str
    show_numbers: bool


@dataclass(frozen=True, slots=True)
class RocDrawing:
    """A ROC curve ready to be drawn in a square of ``side`` at (``left``, ``top``)."""

    side: float
    left: float
    top: float
    path: str
    area: str
    fill: str
    ticks: tuple[tuple[float, float, str], ...]


def drawn(
    visuals: Sequence[Visual],
) -> tuple[tuple[Visual, MatrixDrawing | RocDrawing | None], ...]:
    """Each visual with its drawing, where it has one."""
    return tuple((visual, _drawing(visual)) for visual in visuals)


def _drawing(visual: Visual) -> MatrixDrawing | RocDrawing | None:
    if isinstance(visual, ConfusionMatrix):
        return draw_matrix(visual)
    return draw_roc(visual) if isinstance(visual, RocCurve) else None


def draw_matrix(matrix: ConfusionMatrix) -> MatrixDrawing:
    """Shade each field by its share of its true class."""
    count = len(matrix.labels)
    side = 46.0 if count <= 12 else max(12.0, 560.0 / count)
    longest = max((len(label) for label in matrix.labels), default=1)
    left, top = 44.0 + min(longest, 14) * 7.5, 58.0
    cells: list[Cell] = []
    for row, values in enumerate(matrix.rows):
        total = sum(values)
        for column, number in enumerate(values):
            share = number / total if total > 0 else 0.0
            cells.append(
                Cell(
                    x=left + column * side,
                    y=top + row * side,
                    text=formatting.number(number),
                    shade=_shade(share),
                    correct=row == column,
                    caption=(
                        f"true {matrix.labels[row]}, predicted {matrix.labels[column]}: "
                        f"{formatting.number(number)} ({share:.1%} of the true class)"
                    ),
                )
            )
    grand = sum(sum(values) for values in matrix.rows)
    right = sum(values[index] for index, values in enumerate(matrix.rows))
    return MatrixDrawing(
        width=left + count * side + 12,
        height=top + count * side + 12,
        cell=side,
        left=left,
        top=top,
        cells=tuple(cells),
        columns=tuple(
            Label(left + (i + 0.5) * side, top - 10, _short(text))
            for i, text in enumerate(matrix.labels)
        ),
        rows=tuple(
            Label(left - 10, top + (i + 0.5) * side, _short(text))
            for i, text in enumerate(matrix.labels)
        ),
        accuracy=f"{right / grand:.2%}" if grand else "",
        show_numbers=side >= 26,
    )


def draw_roc(curve: RocCurve) -> RocDrawing:
    """Place the curve in its square, from (0, 0) to (1, 1)."""
    side, left, top = 300.0, 52.0, 16.0
    ends = RocCurve(curve.title, ((0.0, 0.0, 1.0), *curve.points, (1.0, 1.0, 0.0)))
    places = [f"{left + x * side:.1f} {top + (1 - y) * side:.1f}" for x, y, _ in ends.points]
    line = "M" + "L".join(places)
    return RocDrawing(
        side=side,
        left=left,
        top=top,
        path=line,
        area=f"{area_under(ends):.4f}",
        fill=f"{line}L{left + side:.1f} {top + side:.1f}L{left:.1f} {top + side:.1f}Z",
        ticks=tuple(
            (left + tick * side, top + (1 - tick) * side, f"{tick:g}")
            for tick in (0.0, 0.25, 0.5, 0.75, 1.0)
        ),
    )


def _shade(share: float) -> int:
    if share <= 0:
        return 0
    return next(
        (shade for shade, limit in enumerate((0.005, 0.02, 0.1, 0.5, 0.9), 1) if share < limit),
        SHADES,
    )


def _short(text: str) -> str:
    return text if len(text) <= 14 else text[:13] + "…"
