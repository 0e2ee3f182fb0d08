"""What a long command tells while it works."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Tell what is going on, apart from the result on standard output."""
    print(text, file=sys.stderr, flush=True)
