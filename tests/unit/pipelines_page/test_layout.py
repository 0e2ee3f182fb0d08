"""The drawing's geometry: layers, gaps, crossings, and what no input may break."""

from __future__ import annotations

import itertools
import random

import pytest

from pipeline_server.web.layout import Box, Layout, place


def boxes(names: str, width: float = 100, height: float = 40) -> list[Box]:
    return [Box(name, width, height) for name in names]


def overlap(layout: Layout, sizes: dict[str, Box]) -> list[tuple[str, str]]:
    """Pairs of boxes that lie on each other."""
    found = []
    for (a, (ax, ay)), (b, (bx, by)) in itertools.combinations(layout.corners.items(), 2):
        apart = (
            ax + sizes[a].width <= bx
            or bx + sizes[b].width <= ax
            or ay + sizes[a].height <= by
            or by + sizes[b].height <= ay
        )
        if not apart:
            found.append((a, b))
    return found


def test_nothing_is_drawn_as_nothing() -> None:
    assert place([], []).width == 0


def test_a_chain_is_a_straight_column() -> None:
    layout = place(boxes("abc"), [("a", "b"), ("b", "c")])
    assert len({x for x, _ in layout.corners.values()}) == 1
    assert layout.corners["a"][1] < layout.corners["b"][1] < layout.corners["c"][1]
    assert layout.routes[("a", "b")] == ((50, 40), (50, 96))


def test_branches_lie_side_by_side_below_the_middle() -> None:
    layout = place(boxes("abcd"), [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
    assert layout.corners["b"][1] == layout.corners["c"][1]
    middle = (layout.corners["b"][0] + layout.corners["c"][0]) / 2
    assert layout.corners["a"][0] == pytest.approx(middle)
    assert layout.corners["d"][0] == pytest.approx(middle)


def test_a_long_edge_passes_beside_the_boxes() -> None:
    layout = place(boxes("abc"), [("a", "b"), ("b", "c"), ("a", "c")])
    left, right = layout.corners["b"][0], layout.corners["b"][0] + 100
    passing = [x for x, y in layout.routes[("a", "c")][1:-1]]
    assert passing
    assert all(x < left or x > right for x in passing)


def test_edges_do_not_begin_at_the_same_point() -> None:
    layout = place(boxes("abc"), [("a", "b"), ("a", "c")])
    starts = [route[0] for route in layout.routes.values()]
    assert len(set(starts)) == 2


def test_crossed_names_are_uncrossed() -> None:
    layout = place(boxes("abxy"), [("a", "y"), ("b", "x")])
    order = sorted("ab", key=lambda n: layout.corners[n][0])
    below = sorted("xy", key=lambda n: layout.corners[n][0])
    assert [order[0] + below[0], order[1] + below[1]] in (["ay", "bx"], ["bx", "ay"])


def test_a_cycle_does_not_hang_and_loses_only_the_edge_back() -> None:
    layout = place(boxes("abc"), [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a")])
    assert set(layout.routes) == {("a", "b"), ("b", "c")}


def test_edges_of_strangers_are_ignored() -> None:
    assert place(boxes("a"), [("a", "zz"), ("zz", "a")]).routes == {}


@pytest.mark.parametrize("seed", range(12))
def test_no_boxes_overlap_whatever_the_graph(seed: int) -> None:
    dice = random.Random(seed)
    names = [f"n{i}" for i in range(dice.randint(2, 30))]
    sizes = {n: Box(n, dice.randint(40, 300), dice.randint(30, 120)) for n in names}
    edges = [
        (names[i], names[j])
        for i, j in itertools.combinations(range(len(names)), 2)
        if dice.random() < 0.15
    ]
    layout = place(list(sizes.values()), edges)
    assert overlap(layout, sizes) == []
    assert min(x for x, _ in layout.corners.values()) >= -0.001
    for (source, target), points in layout.routes.items():
        assert layout.corners[source][1] < layout.corners[target][1]
        assert all(a[1] <= b[1] for a, b in itertools.pairwise(points))


def test_a_thousand_steps_are_placed_in_time() -> None:
    names = [str(i) for i in range(1000)]
    edges = [(names[i], names[i // 2]) for i in range(1, 1000)]
    layout = place([Box(n, 200, 60) for n in names], [(b, a) for a, b in edges])
    assert len(layout.corners) == 1000
