"""Keeping secrets out of everything that is written for people.

Two nets: the exact values of the Secrets that the run could see, and the shapes that a
credential has wherever it comes from (bearer tokens, JSON web tokens, key=value pairs).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable

MASK = "[redacted]"

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
        values = {value for value in secrets if len(value) >= SHORTEST_SECRET}
        encoded = {base64.b64encode(value.encode()).decode() for value in values}
        # Longest first, so that a value that contains another is masked as a whole.
        self._values = sorted(values | encoded, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return ``text`` with every secret masked."""
        for value in self._values:
            text = text.replace(value, MASK)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text

    def leaks(self, text: str) -> int:
        """Return how many known secret values stand in ``text`` (0 in a clean report)."""
        return sum(value in text for value in self._values)
