"""Places boxes in layers so that every arrow points down and few cross (Sugiyama's method).

Pure arithmetic: boxes and edges in, coordinates out. Steps: break cycles, layer by longest path,
let long edges pass through narrow placeholders, order each layer by barycentres, then give each
layer the positions nearest its neighbours that keep the gaps (isotonic regression).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

SWEEPS = 8
PLACEHOLDER_WIDTH = 12.0
PORT_GAP = 22.0
PORT_ROOM = 160.0

Point = tuple[float, float]
Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle to place."""

    id: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Top-left corner of every box, the points every edge passes, and the whole's size."""

    width: float
    height: float
    corners: Mapping[str, Point]
    routes: Mapping[Edge, tuple[Point, ...]]


def place(
    boxes: Sequence[Box], edges: Iterable[Edge], *, gap_x: float = 32, gap_y: float = 56
) -> Layout:
    """Lay the boxes out, top to bottom."""
    if not boxes:
        return Layout(0, 0, {}, {})
    by_id = {box.id: box for box in boxes}
    kept = _without_cycles(list(by_id), [e for e in edges if e[0] in by_id and e[1] in by_id])
    rank = _rank(list(by_id), kept)
    widths = {box.id: box.width for box in boxes}
    chains, links = _split_long_edges(kept, rank, widths)
    layers = _order(rank, links)
    centres = _coordinates(layers, links, widths, gap_x)
    return _assemble(by_id, layers, centres, chains, widths, gap_y)


def _without_cycles(nodes: list[str], edges: list[Edge]) -> list[Edge]:
    following: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in dict.fromkeys(edges):
        if source != target:
            following[source].append(target)
    done: set[str] = set()
    kept: list[Edge] = []
    for start in nodes:
        if start in done:
            continue
        active = {start}
        stack = [(start, iter(following[start]))]
        while stack:
            node, rest = stack[-1]
            target = next(rest, "")
            if not target:
                stack.pop()
                active.discard(node)
                done.add(node)
            elif target not in active:
                kept.append((node, target))
                if target not in done:
                    active.add(target)
                    stack.append((target, iter(following[target])))
    return kept


def _rank(nodes: list[str], edges: list[Edge]) -> dict[str, int]:
    waiting = dict.fromkeys(nodes, 0)
    following: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        waiting[target] += 1
        following[source].append(target)
    rank = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if waiting[node] == 0]
    for node in ready:
        for target in following[node]:
            rank[target] = max(rank[target], rank[node] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return rank


def _split_long_edges(
    edges: list[Edge], rank: dict[str, int], widths: dict[str, float]
) -> tuple[dict[Edge, list[str]], list[Edge]]:
    chains: dict[Edge, list[str]] = {}
    links: list[Edge] = []
    for source, target in edges:
        chain = [source]
        for layer in range(rank[source] + 1, rank[target]):
            placeholder = f"\0{source}\0{target}\0{layer}"
            rank[placeholder] = layer
            widths[placeholder] = PLACEHOLDER_WIDTH
            chain.append(placeholder)
        chain.append(target)
        chains[(source, target)] = chain
        links.extend(itertools.pairwise(chain))
    return chains, links


def _order(rank: Mapping[str, int], links: list[Edge]) -> list[list[str]]:
    layers: list[list[str]] = [[] for _ in range(max(rank.values()) + 1)]
    for node, layer in rank.items():
        layers[layer].append(node)
    above, below = _neighbours(links)
    best, fewest = [list(layer) for layer in layers], _crossings(layers, below)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        downwards = sweep % 2 == 0
        numbers = range(1, len(layers)) if downwards else range(len(layers) - 2, -1, -1)
        for number in numbers:
            fixed = layers[number - 1 if downwards else number + 1]
            seen = above if downwards else below
            _sort_by_barycentre(layers[number], fixed, seen)
        crossings = _crossings(layers, below)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best


def _neighbours(links: list[Edge]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for source, target in links:
        below.setdefault(source, []).append(target)
        above.setdefault(target, []).append(source)
    return above, below


def _sort_by_barycentre(layer: list[str], fixed: list[str], seen: Mapping[str, list[str]]) -> None:
    position = {node: index for index, node in enumerate(fixed)}
    own = {node: index for index, node in enumerate(layer)}

    def barycentre(node: str) -> float:
        places = [position[other] for other in seen.get(node, ())]
        return sum(places) / len(places) if places else own[node]

    layer.sort(key=barycentre)


def _crossings(layers: list[list[str]], below: Mapping[str, list[str]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(layers):
        position = {node: index for index, node in enumerate(lower)}
        ends: list[int] = []
        for node in upper:
            places = sorted(position[other] for other in below.get(node, ()))
            total += sum(1 for place in places for end in ends if end > place)
            ends.extend(places)
    return total


def _coordinates(
    layers: list[list[str]], links: list[Edge], widths: Mapping[str, float], gap: float
) -> dict[str, float]:
    above, below = _neighbours(links)
    centres: dict[str, float] = {}
    for layer in layers:
        left = -(sum(widths[node] for node in layer) + gap * (len(layer) - 1)) / 2
        for node in layer:
            centres[node] = left + widths[node] / 2
            left += widths[node] + gap
    for sweep in range(SWEEPS):
        seen = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            _pull(layer, seen, centres, widths, gap)
    return centres


def _pull(
    layer: list[str],
    seen: Mapping[str, list[str]],
    centres: dict[str, float],
    widths: Mapping[str, float],
    gap: float,
) -> None:
    """Move a layer's boxes to the mean of their neighbours, in order and with the gaps kept."""
    offsets = [0.0]
    for left, right in itertools.pairwise(layer):
        offsets.append(offsets[-1] + (widths[left] + widths[right]) / 2 + gap)
    wanted = []
    for node, offset in zip(layer, offsets, strict=True):
        places = [centres[other] for other in seen.get(node, ())] or [centres[node]]
        wanted.append(sum(places) / len(places) - offset)
    for node, place_, offset in zip(layer, _isotonic(wanted), offsets, strict=True):
        centres[node] = place_ + offset


def _isotonic(values: list[float]) -> list[float]:
    """The never-falling sequence nearest to the values in least squares."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            earlier = blocks.pop()
            total, count = total + earlier[0], count + earlier[1]
        blocks.append((total, count))
    return [total / count for total, count in blocks for _ in range(count)]


def _assemble(
    boxes: Mapping[str, Box],
    layers: list[list[str]],
    centres: Mapping[str, float],
    chains: Mapping[Edge, list[str]],
    widths: Mapping[str, float],
    gap: float,
) -> Layout:
    shift = -min(centres[node] - widths[node] / 2 for node in centres)
    width = max(centres[node] + widths[node] / 2 for node in centres) + shift
    spans: dict[str, tuple[float, float]] = {}
    corners: dict[str, Point] = {}
    top = 0.0
    for layer in layers:
        tallest = max((boxes[node].height for node in layer if node in boxes), default=0.0)
        for node in layer:
            spans[node] = (top, top + tallest)
            if node in boxes:
                y = top + (tallest - boxes[node].height) / 2
                corners[node] = (centres[node] + shift - widths[node] / 2, y)
                spans[node] = (y, y + boxes[node].height)
        top += tallest + gap
    return Layout(width, top - gap, corners, _routes(chains, centres, spans, shift))


def _routes(
    chains: Mapping[Edge, list[str]],
    centres: Mapping[str, float],
    spans: Mapping[str, tuple[float, float]],
    shift: float,
) -> dict[Edge, tuple[Point, ...]]:
    leaving = _ports({edge: (chain[0], centres[chain[1]]) for edge, chain in chains.items()})
    arriving = _ports({edge: (chain[-1], centres[chain[-2]]) for edge, chain in chains.items()})
    routes: dict[Edge, tuple[Point, ...]] = {}
    for edge, chain in chains.items():
        start = centres[chain[0]] + shift + leaving[edge]
        end = centres[chain[-1]] + shift + arriving[edge]
        points: list[Point] = [(start, spans[chain[0]][1])]
        for node in chain[1:-1]:
            points += [
                (centres[node] + shift, spans[node][0]),
                (centres[node] + shift, spans[node][1]),
            ]
        points.append((end, spans[chain[-1]][0]))
        routes[edge] = tuple(points)
    return routes


def _ports(ends: Mapping[Edge, tuple[str, float]]) -> dict[Edge, float]:
    """Where along its box each edge begins or ends: side by side, in the order they go."""
    at_box: dict[str, list[tuple[float, Edge]]] = {}
    for edge, (node, towards) in ends.items():
        at_box.setdefault(node, []).append((towards, edge))
    return {
        edge: (index - (len(at_node) - 1) / 2) * min(PORT_GAP, PORT_ROOM / len(at_node))
        for at_node in at_box.values()
        for index, (_, edge) in enumerate(sorted(at_node))
    }
