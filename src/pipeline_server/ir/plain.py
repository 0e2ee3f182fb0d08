"""What JSON, the database and every reader can hold: the one walk over all that comes from outside.

Python's own JSON and YAML readers take more than that: ``NaN``, numbers of any length, halves of
surrogate pairs. Kept once, such a value would fail every list that shows it.
"""

from __future__ import annotations

import math
import re
from typing import Any

from pipeline_server.ir.errors import PipelineError

MAXIMUM_DEPTH = 80
MAXIMUM_NODES = 500_000
LARGEST_INTEGER = 2**63 - 1

_SURROGATE = re.compile("[\ud800-\udfff]")


class TooManyValuesError(PipelineError):
    """More values than the server takes."""


def check(value: Any, what: str) -> None:
    """Raise, naming ``what`` and the place in it, for a value that cannot be kept."""
    _Walk(what).visit(value, ())


def check_text(text: str, what: str) -> None:
    """Raise for a text that UTF-8 cannot write."""
    if _SURROGATE.search(text):
        raise PipelineError(f"{what} holds half of a surrogate pair, which is no character")


class _Walk:
    def __init__(self, what: str) -> None:
        self._what = what
        self._nodes = 0

    def visit(self, value: Any, path: tuple[Any, ...]) -> None:
        self._nodes += 1
        if self._nodes > MAXIMUM_NODES:
            raise TooManyValuesError(f"{self._what} has more than {MAXIMUM_NODES} values")
        if len(path) > MAXIMUM_DEPTH:
            raise PipelineError(f"{self._what} is nested deeper than {MAXIMUM_DEPTH}")
        if isinstance(value, str):
            check_text(value, self._place(path))
        elif isinstance(value, bool) or value is None:
            return
        elif isinstance(value, int):
            if not -LARGEST_INTEGER - 1 <= value <= LARGEST_INTEGER:
                raise PipelineError(f"{self._place(path)} is an integer of more than 64 bits")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise PipelineError(f"{self._place(path)} is {value}, which JSON has no number for")
        elif isinstance(value, dict):
            self._object(value, path)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self.visit(item, (*path, index))
        else:
            raise PipelineError(f"{repr(value)[:80]} in {self._what} has no form in JSON")

    def _object(self, value: dict[Any, Any], path: tuple[Any, ...]) -> None:
        for key, item in value.items():
            if not isinstance(key, str):
                raise PipelineError(f"key {key!r} of {self._what} must be a text")
            check_text(key, f"a key of {self._place(path)}")
            self.visit(item, (*path, key))

    def _place(self, path: tuple[Any, ...]) -> str:
        where = ".".join(str(part) for part in path[-4:])
        return f"{self._what}: {where[:200]}" if where else self._what
