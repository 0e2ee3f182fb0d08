"""Keeping secrets out of everything that is written for people.

Two nets: the exact values of the Secrets that the run could see, and the shapes that a
credential has wherever it comes from (bearer tokens, JSON web tokens, key=value pairs).
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "[redacted]"

# Of a value that was shortened ("abcdef...uvwxyz"), a piece of so many characters is masked.
SHORTEST_PIECE = 6
ELLIPSIS = "..."

# Of a value in several lines or words (a private key), those of so many characters are masked too.
SHORTEST_LINE = 20

# Shorter values ("http", "rhods", "true") are words, not credentials; masking them would
# make the evidence unreadable and protect nothing.
SHORTEST_SECRET = 8

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"), MASK),
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]{8,}"), rf"\1{MASK}"),
    (re.compile(r"(?i)((?:set-)?cookie:\s*)\S[^\r\n]*"), rf"\1{MASK}"),
    (
        re.compile(
            r"(?i)([\"']?(?:aws_)?(?:secret_?access_?key|access_?key(?:_?id)?|secret_?key|"
            r"password|passwd|token|client_?secret|cookie_?secret)[\"']?\s*[:=]\s*[\"']?)"
            r"[^\s\"',;}&]{4,}"
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)(X-Amz-(?:Signature|Credential)=)[^&\s\"']+"), rf"\1{MASK}"),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.S),
        MASK,
    ),
)


class Redactor:
    """Masks known secret values, in plain and base64 form, and whatever looks like one."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Remember ``secrets``; values shorter than eight characters are left alone."""
        values = {form for secret in secrets for form in _forms(secret)}
        # Longest first, so that a value that contains another is masked as a whole.
        self._values = sorted(values, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return ``text`` with every secret masked."""
        for value in self._values:
            text = text.replace(value, MASK)
        text = self._without_pieces(text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
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


def _forms(secret: str) -> set[str]:
    """Return how a secret may stand in a text: as it is, encoded, quoted, and line by line."""
    whole = {secret, *(line for line in secret.split() if len(line) >= SHORTEST_LINE)}
    return {
        form
        for value in whole
        for form in (
            value,
            base64.b64encode(value.encode()).decode(),
            repr(value)[1:-1],
            html.escape(value),
            quote(value, safe=""),
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
