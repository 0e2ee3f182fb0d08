"""The page that an instructor opens in the morning: `.lab/reports/index.html`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from lab_ground.files import write_whole
from lab_validation.history import Entry
from lab_validation.plot import draw
from lab_validation.results import Run, broken, by_step
from lab_validation.templating import page_environment


def render(run: Run, history: Sequence[Entry]) -> str:
    """Return the report as one self-contained HTML page (pictures beside it)."""
    template = page_environment("lab_validation").get_template("report.html.j2")
    # The plot is built from numbers and escaped labels only.
    plot = Markup(draw(history))  # noqa: S704
    return template.render(
        run=run, steps=by_step(run), broken=broken(run), history=history, plot=plot
    )


def write_report(run: Run, history: Sequence[Entry], path: Path) -> None:
    """Write the page, whole or not at all."""
    write_whole(path, render(run, history))
