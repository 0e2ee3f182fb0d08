"""Printing for somebody who may stop reading, as in `./lab status | head`."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO, cast


class _Patient:
    """A text stream that goes on into nothing once nobody reads it any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()

    def _give_up(self) -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._stream.fileno())
        os.close(nothing)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def outlive_readers() -> None:
    """Let this program end its work, with its own exit code, when nobody reads what it prints."""
    sys.stdout = cast(TextIO, _Patient(sys.stdout))
    sys.stderr = cast(TextIO, _Patient(sys.stderr))
