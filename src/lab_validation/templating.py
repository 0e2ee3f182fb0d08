"""How the pages of the reports are made: their templates, style and figures are alike."""

from __future__ import annotations

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def page_environment(package: str) -> Environment:
    """Return what renders the templates of a package, with the style that all pages share."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("lab_validation")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["seconds"] = duration_text
    environment.filters["sentence"] = sentence_text
    return environment


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
