"""Strokes follow the ink, cover it, and keep its holes and ends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from lab_driver.strokes import follow, smooth, strokes_of, thin


def picture_of(*lines: tuple[slice, slice]) -> np.ndarray:
    picture = np.zeros((28, 28), np.uint8)
    for rows, columns in lines:
        picture[rows, columns] = 255
    return picture


ONE = picture_of((slice(4, 24), slice(12, 16)))
CROSS = picture_of((slice(4, 24), slice(13, 16)), (slice(13, 16), slice(4, 24)))
RING = picture_of((slice(4, 24), slice(4, 24)))
RING[8:20, 8:20] = 0


def test_a_bar_becomes_one_straight_stroke() -> None:
    strokes = strokes_of(ONE)
    assert len(strokes) == 1
    columns = {column for _, column in strokes[0]}
    assert max(columns) - min(columns) <= 1
    assert len(strokes[0]) >= 14


def test_a_ring_stays_closed() -> None:
    (stroke,) = strokes_of(RING)
    first, last = stroke[0], stroke[-1]
    assert max(abs(first[0] - last[0]), abs(first[1] - last[1])) <= 1
    assert len(stroke) > 40


def test_a_crossing_is_drawn_through_in_two_strokes() -> None:
    strokes = strokes_of(CROSS)
    heights = [max(r for r, _ in s) - min(r for r, _ in s) for s in strokes]
    widths = [max(c for _, c in s) - min(c for _, c in s) for s in strokes]
    assert max(heights) >= 14
    assert max(widths) >= 7


@pytest.mark.parametrize("picture", [ONE, CROSS, RING], ids=["bar", "cross", "ring"])
def test_every_pixel_of_the_skeleton_is_drawn_and_lies_on_ink(picture: np.ndarray) -> None:
    skeleton = thin(picture > 0)
    drawn = {point for stroke in follow(skeleton) for point in stroke}
    pixels = {(int(r), int(c)) for r, c in np.argwhere(skeleton)}
    assert len(pixels - drawn) <= 1
    assert all(picture[point] for point in drawn)


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="the picture is empty"):
        strokes_of(np.zeros((28, 28), np.uint8))


def test_smoothing_keeps_the_ends_and_takes_the_steps_away() -> None:
    (stroke,) = smooth([[(0, 0), (0, 1), (1, 1), (1, 2), (2, 2), (2, 3)]])
    assert (stroke[0], stroke[-1]) == ((0, 0), (2, 3))
    turns = [b[0] - a[0] for a, b in itertools.pairwise(stroke)]
    assert max(turns) < 1
    assert smooth([[(3, 4)]]) == [[(3, 4)]]
