"""Texts of a cluster, made fit for a sentence: short, on one line, and without any secret."""

from __future__ import annotations

import re

from lab_ground.redaction import Redactor

scrub = Redactor()
LONGEST = 300
NOISE = re.compile(
    r"^(\s|\^|~|File \"|During handling|The above exception|Traceback|note:|\[notice\])"
)
STAMP = re.compile(r"^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?\s*")
TELLING = re.compile(
    r"(?i)\b(error|exception|fail(ed|ure)?|fatal|denied|refused|cannot|could not|not found|"
    r"no such|invalid|timed? ?out|killed|panic)\b|\w+(Error|Exception):"
)


def one_line(text: str, longest: int = LONGEST) -> str:
    """The text on one line, scrubbed, cut where it is too long, without a closing full stop."""
    flat = " ".join(scrub(text).split()).rstrip(". ")
    return flat if len(flat) <= longest else flat[: longest - 1].rstrip() + "…"


def last_log_line(log: str) -> str:
    """The line of a log that says most of its end: the last that tells of a failure, else the last.

    A Python traceback ends with the exception; what follows an error (a farewell, a blank line)
    does not say why.
    """
    # Masked as a whole: one line of a key tells nothing of what it is.
    lines = [STAMP.sub("", line).rstrip() for line in scrub(log).splitlines()]
    lines = [line for line in lines if line.strip() and not NOISE.match(line)]
    if not lines:
        return ""
    telling = [line for line in lines[-12:] if TELLING.search(line)]
    return one_line((telling or lines)[-1], 200)
