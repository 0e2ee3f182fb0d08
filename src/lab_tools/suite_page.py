"""One page over all suites' own pages: what passed, what failed and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from jinja2 import Environment, PackageLoader


class Outcome(Protocol):
    """What one suite's run came to; times in seconds."""

    name: str
    seconds: float
    passed: int
    failed: int
    skipped: int
    problems: list[str]


def clock(seconds: float) -> str:
    """Seconds as a person reads them.

    >>> clock(7.24), clock(754)
    ('7.2 s', '12 min 34 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"


def write_page(
    results: Sequence[Outcome], reports: Path, started: datetime, seconds: float
) -> Path:
    """Write ``tests.html`` into the reports' directory; return its path."""
    environment = Environment(
        loader=PackageLoader("lab_tools"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clock"] = clock
    rows = [
        {
            **vars(result),
            # What a level needs is made by playbooks, which write no page.
            "page": f"{result.name}.html" if (reports / f"{result.name}.html").exists() else "",
        }
        for result in results
    ]
    path = reports / "tests.html"
    path.write_text(
        environment.get_template("tests.html.j2").render(
            results=rows,
            passed=sum(result.passed for result in results),
            failed=sum(result.failed for result in results),
            started=f"{started:%Y-%m-%d %H:%M}",
            seconds=seconds,
        ),
        encoding="utf-8",
    )
    return path
