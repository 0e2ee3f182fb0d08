"""The board for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from class_board import times

HEAD = ("seat", "learner", "step", "since", "active", "cpu", "memory", "workbench")
DONE, AHEAD = "●", "○"


def lines(board: Mapping[str, Any], now: datetime, width: int = 100) -> list[str]:
    """The table, and below each seat that has one its error and its message."""
    rows = board["seats"]
    if not rows:
        return ["There is no class and no seat; ./lab class add makes one."]
    ways = len(board["steps"]) - 1
    table = [HEAD, *(_cells(row, now) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(HEAD))]
    found = [_line("", HEAD, widths, ways)]
    for row, cells in zip(rows, table[1:], strict=True):
        way = DONE * row["number"] + AHEAD * (ways - row["number"])
        found.append(_line(way, cells, widths, ways))
        if row["error"]:
            found += _below(row["error"], width)
        if row["message"]:
            found += _below(f"told: {row['message']['text']}", width)
    reached = sum(row["step"] == "digit" for row in rows)
    found.append(f"{reached} of {len(rows)} have recognised a digit; {_taken(rows)}")
    if not board["whole"]:
        found.append("Not every seat's services have answered yet.")
    return found


def _taken(rows: list[Mapping[str, Any]]) -> str:
    cpu, memory = sum(row["cpu"] for row in rows), sum(row["memory"] for row in rows)
    return f"together they take {cpu / 1000:.2f} cores and {memory / 2**30:.1f} GiB"


def _line(way: str, cells: tuple[str, ...], widths: list[int], ways: int) -> str:
    text = "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"{way:{ways}}  {text}".rstrip()


def _below(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="    ")


def _cells(row: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
    bench = row["workbench"]
    word = bench["word"].lower() + (" (busy)" if bench["busy"] else "") if bench else "-"
    return (
        row["namespace"],
        row["learner"] or "-",
        row["label"],
        ago(times.parse(row["since"]), now),
        ago(times.parse(row["lastActivity"]), now),
        f"{row['cpu']:.0f}m",
        f"{row['memory'] / 2**20:.0f} MiB",
        word,
    )


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return "-"
    seconds = max(0.0, (now - moment).total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return "now"
