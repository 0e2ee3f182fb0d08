"""A wrong word, and the words that were meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class WordError(Exception):
    """Something that was said cannot be meant; the message is the sentence for the terminal.

    It is one line, whatever the words in it hold.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__("".join(sign if sign.isprintable() else " " for sign in sentence))


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence has them: ``a, b or c``."""
    *first, last = sorted(names)
    return f"{', '.join(first)} or {last}" if first else last


def meant(word: str, names: Iterable[str]) -> str:
    """Return ``; "other" is like it`` where one of ``names`` is like ``word``, else nothing."""
    close = get_close_matches(word, sorted(names), n=1, cutoff=0.75)
    return f'; "{close[0]}" is like it' if close else ""
