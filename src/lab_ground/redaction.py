"""Keeping secrets out of everything that is written for people.

Three nets: terminal escapes go first, since they can break or hide a value; then the exact values
of the Secrets that the run could see; then the shapes that a credential has wherever it comes from
(lab_ground.credential_shapes). Pure, and of the standard library alone.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from lab_ground.credential_shapes import MASK, SHAPES

__all__ = ["MASK", "Redactor", "redact_shapes", "without_escapes"]

# Of a value that was shortened ("abcdef...uvwxyz"), a piece of so many characters is masked.
SHORTEST_PIECE = 6
ELLIPSIS = "..."

# Of a value in several lines or words (a private key), those of so many characters are masked too.
SHORTEST_LINE = 20

# Shorter values ("http", "rhods", "true") are words, not credentials; masking them would
# make the evidence unreadable and protect nothing.
SHORTEST_SECRET = 8


# What a program sends to a terminal beside text: control sequences (colours), strings that end with
# BEL or ST (titles, links; what of them was cut off ends with its line), and other escapes. They
# hide a secret from who reads, break one in two, and act on the terminal that shows them. Each may
# stand there as it is or as a program has written it out (``\x1b[0m`` in the words of `repr`).
def _control(*codes: str) -> str:
    return "(?:" + "|".join(rf"\x{code}|\\+(?:x{code}|u00{code})" for code in codes) + ")"


_ESC = rf"(?:{_control('1b')}|\\+(?:033|e(?=\[)))"
_END = _control("07", "1b", "9c")
_ESCAPES = re.compile(
    rf"(?:{_ESC}[\]PX^_]|{_control('9d', '90', '98', '9e', '9f')})(?:(?!{_END})[^\r\n])*"
    rf"(?:{_ESC}\\{{1,2}}|{_control('07', '9c')})?"
    rf"|(?:{_ESC}\[|{_control('9b')})[0-?]*[ -/]*[@-~]?"
    rf"|{_ESC}(?:[ -/]*[0-\[\]-~])?"
    r"|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]"
    r"|\\+(?:x|u00)(?:0[0-8bcef]|1[0-9a-f]|7f|8[0-46-9a-f]|9[0-9a-f])",
    re.IGNORECASE,
)


def without_escapes(text: str) -> str:
    """Return ``text`` without terminal escapes, ended or cut off, and other control characters.

    >>> without_escapes("\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07text")
    'red text'
    """
    # Taking one out may put the parts of another together.
    while (plain := _ESCAPES.sub("", text)) != text:
        text = plain
    return text


class Redactor:
    """Masks known secret values, in plain and base64 form, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Remember ``secrets``; values shorter than eight characters are left alone."""
        values = {form for secret in secrets for form in _forms(secret)}
        # Longest first, so that a value that contains another is masked as a whole.
        self._values = sorted(values, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return ``text`` with every secret masked, and without terminal escapes."""
        # Before and after: a value may hold what looks like an escape, and be broken by one.
        text = self._without_values(without_escapes(self._without_values(text)))
        return redact_shapes(self._without_pieces(text))

    def _without_values(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, MASK)
        return text

    def _without_pieces(self, text: str) -> str:
        """Mask what stands beside an ellipsis and begins, or ends, a secret."""
        parts = text.split(ELLIPSIS)
        for i in range(1, len(parts)):
            for value in self._values:
                parts[i - 1] = _without_head(parts[i - 1], value)
                parts[i] = _without_tail(parts[i], value)
        return ELLIPSIS.join(parts)

    def leaks(self, text: str) -> int:
        """Return how many known secret values stand in ``text`` (0 in a clean report)."""
        return sum(value in text for value in self._values)


def redact_shapes(text: str) -> str:
    """Return ``text`` with everything masked that looks like a credential."""
    for shape in SHAPES:
        text = shape.mask(text)
    return text


def _forms(secret: str) -> set[str]:
    """Return how a secret may stand in a text: as it is, encoded, quoted, and line by line."""
    whole = {secret, *(line for line in secret.split() if len(line) >= SHORTEST_LINE)}
    return {
        form
        for value in whole
        for form in (
            value,
            base64.b64encode(value.encode()).decode(),
            base64.urlsafe_b64encode(value.encode()).decode(),
            repr(value)[1:-1],
            json.dumps(value)[1:-1],
            json.dumps(value, ensure_ascii=False)[1:-1],
            html.escape(value),
            html.escape(value, quote=False),
            quote(value, safe=""),
            quote_plus(value),
        )
        if len(value) >= SHORTEST_SECRET
    }


def _without_head(text: str, value: str) -> str:
    """Mask the end of ``text`` if it is the beginning of ``value``."""
    at = text.rfind(value[:SHORTEST_PIECE], max(0, len(text) - len(value)))
    return text[:at] + MASK if at >= 0 and value.startswith(text[at:]) else text


def _without_tail(text: str, value: str) -> str:
    """Mask the beginning of ``text`` if it is the end of ``value``."""
    at = text.find(value[-SHORTEST_PIECE:], 0, len(value))
    end = at + SHORTEST_PIECE
    return MASK + text[end:] if at >= 0 and value.endswith(text[:end]) else text
