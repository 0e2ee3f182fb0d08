"""Numbers and durations out of texts that anybody writes: bounded, or refused in a sentence.

``float`` takes "inf", "nan" and "1_000"; ``str.isdigit`` takes "²". What is read here is ASCII
digits within bounds, so that whoever calculates with it gets what it can calculate with.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# A day more than the longest that anything here is asked to wait.
LONGEST = 24 * 3600.0
LARGEST = 1_000_000.0
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?", re.ASCII)
_DURATION = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(ms|s|m|h)", re.ASCII)
_SECONDS: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class OutOfBoundsError(ValueError):
    """The text is no such number; the message says what was found and what is allowed."""


def number(text: object, where: str, least: float = 0.0, most: float = LARGEST) -> float:
    """The number that a text (or a number) says.

    Args:
        text: what somebody wrote.
        where: the field that it stands in, for the message.
        least: the smallest allowed.
        most: the largest allowed.

    Raises:
        OutOfBoundsError: it is no plain decimal number, or not within the bounds.
    """
    written = str(text).strip()
    if not _NUMBER.fullmatch(written) or not least <= float(written) <= most:
        raise OutOfBoundsError(f"{where}: {text!r} is not a number from {least:g} to {most:g}")
    return float(written)


def whole(text: object, where: str, least: int = 0, most: int = int(LARGEST)) -> int:
    """The whole number that a text says; as `number` otherwise."""
    found = number(text, where, least, most)
    if found != int(found):
        raise OutOfBoundsError(f"{where}: {text!r} is not a whole number")
    return int(found)


def seconds(text: object, where: str, least: float = 0.0, most: float = LONGEST) -> float:
    """The duration that a text such as ``30s``, ``1.5m`` or ``250ms`` says, in seconds.

    Raises:
        OutOfBoundsError: it is no such duration, or not within the bounds.
    """
    match = _DURATION.fullmatch(str(text).strip())
    found = float(match[1]) * _SECONDS[match[2]] if match else -1.0
    if not match or not least <= found <= most:
        raise OutOfBoundsError(
            f"{where}: {text!r} is not a time such as 30s or 5m, from {least:g} to {most:g} seconds"
        )
    return found
