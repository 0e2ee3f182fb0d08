"""The history as a picture: durations as bars, accuracy as a line, in plain SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lab_validation.history import Entry

WIDTH, HEIGHT = 860, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 64, 18, 34
# Below this nothing is worth telling apart: the accuracy axis starts here, and says so.
ACCURACY_FLOOR = 0.9


def _accuracy_y(accuracy: float, height: float) -> float:
    share = (max(accuracy, ACCURACY_FLOOR) - ACCURACY_FLOOR) / (1 - ACCURACY_FLOOR)
    return TOP + height * (1 - share)


def draw(entries: Sequence[Entry]) -> str:
    """Return an SVG of the runs, oldest at the left; empty text for an empty history.

    Bars (left axis, seconds) are green where the run passed and red where it failed; the
    line (right axis) is the accuracy, on an axis from 0.90 to 1.00.
    """
    if not entries:
        return ""
    inner_width, inner_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    longest = max(max(entry.duration for entry in entries), 1.0)
    slot = inner_width / len(entries)
    bar = min(slot * 0.7, 28)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="history" '
        f'aria-label="Duration and accuracy of the last {len(entries)} runs">',
        f'<line x1="{LEFT}" y1="{TOP + inner_height}" x2="{WIDTH - RIGHT}" '
        f'y2="{TOP + inner_height}" class="axis"/>',
        f'<text x="{LEFT - 8}" y="{TOP + 5}" class="tick end">{longest:.0f} s</text>',
        f'<text x="{LEFT - 8}" y="{TOP + inner_height}" class="tick end">0 s</text>',
        f'<text x="{WIDTH - RIGHT + 8}" y="{TOP + 5}" class="tick acc">1.00</text>',
        f'<text x="{WIDTH - RIGHT + 8}" y="{TOP + inner_height}" class="tick acc">'
        f"{ACCURACY_FLOOR:.2f}</text>",
    ]
    points = []
    for index, entry in enumerate(entries):
        middle = LEFT + slot * (index + 0.5)
        height = inner_height * entry.duration / longest
        verdict = "passed" if entry.ok else "failed"
        label = f"{entry.started}: {verdict}, {entry.duration:.0f} s"
        if entry.accuracy is not None:
            label += f", accuracy {entry.accuracy:.4f}"
            points.append((middle, _accuracy_y(entry.accuracy, inner_height)))
        parts.append(
            f'<rect x="{middle - bar / 2:.1f}" y="{TOP + inner_height - height:.1f}" '
            f'width="{bar:.1f}" height="{height:.1f}" class="bar {verdict}">'
            f"<title>{escape(label)}</title></rect>"
        )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{line}" class="accuracy"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" class="accuracy"/>' for x, y in points]
    first, last = entries[0].started[:10], entries[-1].started[:10]
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 10}" class="tick">{escape(first)}</text>')
    if last != first:
        parts.append(
            f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" class="tick end">{escape(last)}</text>'
        )
    parts.append("</svg>")
    return "".join(parts)
