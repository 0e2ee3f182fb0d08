"""Reads the words of a call in any order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab_launcher.errors import WordError, listed, meant
from lab_launcher.options import STEPS, Option, find, options_of

NEGATIVE = re.compile(r"-\d")
# Of these a number is wanted.
NUMBERS = frozenset({"--forks", "--timeout"})
# What a namespace may be called.
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Said:
    """An option that was given, by its long name, and its value; or a word that is no option."""

    name: str
    value: str | None = None

    @property
    def text(self) -> str:
        """The value, empty where there is none."""
        return self.value or ""


def read(command: str, words: Sequence[str]) -> list[Said]:
    """Return what was said, in order; the plain words have the name ``""``.

    Raises:
        WordError: an option is unknown or ambiguous, lacks its value or has one too many.
    """
    options, left, found = options_of(command), list(words), []
    while left:
        word = left.pop(0)
        if word == "--":
            found += [Said("", rest) for rest in left]
            break
        if not word.startswith("-") or word == "-":
            found.append(Said("", word))
        elif word.startswith("--"):
            found.append(_long(command, word, left, options))
        else:
            found += _short(command, word, left, options)
    return found


def _long(command: str, word: str, left: list[str], options: Sequence[Option]) -> Said:
    name, equals, value = word.partition("=")
    option = _the(command, name, options)
    if not option.takes:
        if equals:
            raise WordError(f'{option.name} takes no value; "{value}" was given')
        return Said(option.name)
    return Said(option.name, value if equals else _value(option, name, left))


def _short(command: str, word: str, left: list[str], options: Sequence[Option]) -> Iterator[Said]:
    """Read ``-C``, ``-vvv``, ``-CD``, ``-e x=1`` and ``-ex=1``."""
    letters = word[1:]
    while letters:
        name, letters = f"-{letters[0]}", letters[1:]
        option = _the(command, name, options)
        if not option.takes:
            yield Said(option.name)
        elif letters:
            yield Said(option.name, letters.removeprefix("="))
            return
        else:
            yield Said(option.name, _value(option, name, left))


def _the(command: str, name: str, options: Sequence[Option]) -> Option:
    found = find(name, options)
    if len(found) == 1:
        return found[0]
    if found:
        raise WordError(f'"{name}" may be {listed(option.name for option in found)}; say which')
    names = [name for option in options for name in option.names if name.startswith("--")]
    raise WordError(
        f'./lab {command} has no option "{name}"{meant(name, names)}; '
        "./lab --help lists its own, ansible-playbook --help the others"
    )


def _value(option: Option, name: str, left: list[str]) -> str:
    if not left or (left[0].startswith("-") and len(left[0]) > 1 and not NEGATIVE.match(left[0])):
        after = f', not the option "{left[0]}"' if left else ""
        raise WordError(f"{name} needs {option.takes}{after}")
    return left.pop(0)


def check_values(said: Sequence[Said]) -> None:
    """Look at the values that need nothing of the checkout.

    Raises:
        WordError: one cannot be meant.
    """
    for option in said:
        if option.name in NUMBERS and not option.text.isdecimal():
            raise WordError(f'{option.name} needs a number, not "{option.value}"')
        if option.name == "--to" and option.value not in STEPS:
            raise WordError(
                f'there is no step "{option.value}"{meant(option.text, STEPS)}; '
                f"it is {', '.join(STEPS[:-1])} or {STEPS[-1]}"
            )
        if option.name == "--seat" and not LABEL.fullmatch(option.text):
            raise WordError(
                f'no seat is called "{option.value}": --seat needs the number of a seat, '
                "or its namespace, which has small letters, digits and hyphens"
            )


def spoken(said: Sequence[Said]) -> list[str]:
    """Return what was said as words for ansible-playbook."""
    words = []
    for option in said:
        words.append(option.name if option.value is None else f"{option.name}={option.value}")
    return words
