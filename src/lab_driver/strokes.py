"""Turning a digit's picture into the strokes of a pen that would have drawn it.

The picture is thinned to lines one pixel wide (Zhang and Suen, "A fast parallel algorithm for
thinning digital patterns", Communications of the ACM 27, 1984) and the lines are followed from
end to end.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]
Stroke = list[Point]
Mask = NDArray[np.bool_]

# Grey above which a pixel belongs to the digit (of 255).
INK = 100
# The eight neighbours, clockwise from the one above, as (row, column) steps.
_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def _neighbours(mask: Mask) -> list[Mask]:
    padded = np.pad(mask, 1)
    height, width = mask.shape
    return [padded[1 + r : 1 + r + height, 1 + c : 1 + c + width] for r, c in _AROUND]


def thin(mask: Mask) -> Mask:
    """Return the skeleton of ``mask`` [height, width]: lines one pixel wide, same topology."""
    skeleton = mask.copy()
    changed = True
    while changed:
        changed = False
        for first in (True, False):
            n = _neighbours(skeleton)
            count = np.sum(n, axis=0)
            turns = sum((~n[i] & n[(i + 1) % 8]).astype(int) for i in range(8))
            north, east, south, west = n[0], n[2], n[4], n[6]
            if first:
                keep = (north & east & south) | (east & south & west)
            else:
                keep = (north & east & west) | (north & south & west)
            remove = skeleton & (count >= 2) & (count <= 6) & (turns == 1) & ~keep
            if remove.any():
                skeleton &= ~remove
                changed = True
    return skeleton


def _adjacent(point: Point, undrawn: set[Point]) -> Iterator[Point]:
    # Straight neighbours before diagonal ones: a corner is then not cut short.
    for row, column in sorted(_AROUND, key=lambda step: abs(step[0]) + abs(step[1])):
        candidate = (point[0] + row, point[1] + column)
        if candidate in undrawn:
            yield candidate


def follow(skeleton: Mask) -> list[Stroke]:
    """Return the skeleton's lines as strokes of (row, column), each pixel in at least one.

    A stroke begins at a line's end where there is one, and goes on to the pixel that bends
    least; where it meets a line already drawn, it joins it.
    """
    points: set[Point] = {(int(r), int(c)) for r, c in np.argwhere(skeleton)}
    undrawn = set(points)
    strokes: list[Stroke] = []
    while undrawn:
        ends = [p for p in undrawn if sum(1 for _ in _adjacent(p, undrawn)) <= 1]
        start = min(ends or undrawn)
        stroke = [start]
        undrawn.discard(start)
        while (following := _onward(stroke, undrawn)) is not None:
            stroke.append(following)
            undrawn.discard(following)
        strokes.append(_joined(stroke, points))
    return [stroke for stroke in strokes if len(stroke) > 1 or len(strokes) == 1]


def _onward(stroke: Stroke, undrawn: set[Point]) -> Point | None:
    candidates = list(_adjacent(stroke[-1], undrawn))
    if not candidates:
        return None
    if len(stroke) < 2:
        return candidates[0]
    past, here = stroke[max(0, len(stroke) - 4)], stroke[-1]
    heading = (here[0] - past[0], here[1] - past[1])
    return max(candidates, key=lambda p: _cosine(heading, (p[0] - here[0], p[1] - here[1])))


def _cosine(a: Point, b: Point) -> float:
    return (a[0] * b[0] + a[1] * b[1]) / (float(np.hypot(*a)) * float(np.hypot(*b)) or 1.0)


def _joined(stroke: Stroke, points: set[Point]) -> Stroke:
    """Lengthen both ends of a stroke by the pixel of another line that they touch."""
    drawn = set(stroke)
    others = points - drawn
    head = next(_adjacent(stroke[0], others), None)
    tail = next(_adjacent(stroke[-1], others), None)
    return [*([head] if head else []), *stroke, *([tail] if tail else [])]


def strokes_of(picture: NDArray[np.uint8]) -> list[Stroke]:
    """Return the pen strokes of a grey ``picture`` [height, width], white ink on black.

    Raises:
        ValueError: there is no ink in the picture.
    """
    mask = picture > INK
    if not mask.any():
        raise ValueError("the picture is empty: no pixel is brighter than the ink threshold")
    return follow(thin(mask))


def smooth(strokes: list[Stroke], reach: int = 2) -> list[list[tuple[float, float]]]:
    """Return strokes without the steps of the pixels, as a hand would draw them.

    Each point becomes the mean of its neighbours up to ``reach`` away along the stroke; near an
    end as many on both sides as there are, so that both ends stay where they were.
    """
    return [
        [_mean(stroke, i, min(reach, i, len(stroke) - 1 - i)) for i in range(len(stroke))]
        for stroke in strokes
    ]


def _mean(stroke: Stroke, middle: int, reach: int) -> tuple[float, float]:
    around = stroke[middle - reach : middle + reach + 1]
    return sum(r for r, _ in around) / len(around), sum(c for _, c in around) / len(around)
