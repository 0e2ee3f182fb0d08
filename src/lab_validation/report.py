"""The page that an instructor opens in the morning: `.lab/reports/index.html`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from lab_validation.files import write_whole
from lab_validation.history import Entry
from lab_validation.plot import draw
from lab_validation.results import Run, broken, by_step


def duration_text(seconds: float) -> str:
    """Return seconds as people say them.

    >>> duration_text(0.42), duration_text(75)
    ('0.4 s', '1 min 15 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"


def sentence_text(text: str) -> str:
    """Return a cause as a sentence begins.

    >>> sentence_text("the bucket is empty")
    'The bucket is empty'
    """
    return text[:1].upper() + text[1:]


def render(run: Run, history: Sequence[Entry]) -> str:
    """Return the report as one self-contained HTML page (pictures beside it)."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["seconds"] = duration_text
    environment.filters["sentence"] = sentence_text
    source = resources.files("lab_validation") / "templates" / "report.html.j2"
    template = environment.from_string(source.read_text(encoding="utf-8"))
    # The plot is built from numbers and escaped labels only.
    plot = Markup(draw(history))  # noqa: S704
    return template.render(
        run=run, steps=by_step(run), broken=broken(run), history=history, plot=plot
    )


def write_report(run: Run, history: Sequence[Entry], path: Path) -> None:
    """Write the page, whole or not at all."""
    write_whole(path, render(run, history))
