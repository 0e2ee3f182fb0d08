"""One page over all suites' own pages: what passed, what failed and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from lab_validation.templating import page_environment


class Outcome(Protocol):
    """What one suite's run came to; times in seconds."""

    name: str
    seconds: float
    passed: int
    failed: int
    skipped: int
    problems: list[str]


def write_page(
    results: Sequence[Outcome], reports: Path, started: datetime, seconds: float
) -> Path:
    """Write ``tests.html`` into the reports' directory; return its path."""
    rows = [
        {
            **vars(result),
            # What a level needs is made by playbooks, which write no page.
            "page": f"{result.name}.html" if (reports / f"{result.name}.html").exists() else "",
        }
        for result in results
    ]
    template = page_environment("lab_checks").get_template("tests.html.j2")
    path = reports / "tests.html"
    path.write_text(
        template.render(
            results=rows,
            passed=sum(result.passed for result in results),
            failed=sum(result.failed for result in results),
            started=f"{started:%Y-%m-%d %H:%M}",
            seconds=seconds,
        ),
        encoding="utf-8",
    )
    return path
