"""A benchmark's figures beside the bounds that are aimed at: as JSON, and in a line each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lab_ground.machine_speed import loop_seconds

MET, MISSED, NONE = "met", "missed", "no bound"


def judge(
    figures: Mapping[str, float], bounds: Mapping[str, float], at_least: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return each figure with its bound and verdict; bounds are upper ones, or lower by name."""
    lower = set(at_least)
    judged = {}
    for name, measured in figures.items():
        bound = bounds.get(name)
        verdict = NONE
        if bound is not None:
            kept = measured >= bound if name in lower else measured <= bound
            verdict = MET if kept else MISSED
        judged[name] = {"measured": measured, "bound": bound, "verdict": verdict}
    return judged


def table(judged: Mapping[str, Mapping[str, Any]], at_least: Iterable[str] = ()) -> list[str]:
    """Return a line a figure, for people."""
    lower = set(at_least)
    width = max(map(len, judged), default=0)
    lines = []
    for name, entry in judged.items():
        limit = ""
        if entry["bound"] is not None:
            limit = f"{'at least' if name in lower else 'at most'} {entry['bound']:g}"
        line = f"{name:<{width}}  {entry['measured']:>10g}  {limit:<16} {entry['verdict']}"
        lines.append(line.rstrip())
    return lines


def finish(
    figures: Mapping[str, float],
    bounds: Mapping[str, float],
    *,
    reference: Mapping[str, float],
    at_least: Iterable[str] = (),
    output: Path | None = None,
    quick: bool = False,
    **details: Any,
) -> int:
    """Print and write the report; returns the exit code: 1 if a bound was missed.

    A quick run only shows that everything works: its figures are of too few rounds to judge by.
    """
    judged = judge(figures, bounds, at_least)
    report = {
        "machine": {
            "cores": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 2),
            # The same loop in every report: what tells a slow machine from slow work.
            "loop_seconds": round(loop_seconds(), 4),
        },
        "quick": quick,
        "figures": judged,
        "reference": dict(reference),
        **details,
    }
    text = json.dumps(report, indent=2)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n", encoding="utf-8")
    print(text)
    sys.stdout.flush()
    for line in table(judged, at_least):
        print(line, file=sys.stderr)
    for name, value in reference.items():
        print(f"reference {name}: {value:g}", file=sys.stderr)
    missed = [name for name, entry in judged.items() if entry["verdict"] == MISSED]
    if quick:
        print("a quick run: its figures are not to be judged by", file=sys.stderr)
        return 0
    return 1 if missed else 0
