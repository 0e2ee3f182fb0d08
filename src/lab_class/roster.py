"""The list of seats: a namespace each, whose it is, and how far the lab brings it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

# What a namespace, and a learner's account, may be called.
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
STEM = "mnist-"
# A learner starts from these; from the later ones on the lab itself has trained and served.
PREPARED = ("project", "workbench")
STEPS = (*PREPARED, "trained", "served", "complete")


class ClassError(Exception):
    """What was asked of the class cannot be done; the message is the sentence for the terminal."""


@dataclass(frozen=True)
class Seat:
    """One seat.

    ``learner`` is the user's name, empty for the instructor's own seat; ``name`` how the person is
    called; ``step`` what `./lab up` brings the seat to.
    """

    namespace: str
    learner: str = ""
    name: str = ""
    step: str = "workbench"


def parse_seat(entry: Any) -> Seat:
    """Return a seat of its JSON.

    Raises:
        ClassError: it is not one; the message says what is wrong.
    """
    if not isinstance(entry, Mapping):
        raise ClassError(f"a seat is an object with a namespace, not {json.dumps(entry)[:60]}")
    fields = {key: str(entry.get(key) or "") for key in ("namespace", "learner", "name")}
    step = str(entry.get("step") or "workbench")
    for key in ("namespace", "learner"):
        value = fields[key]
        if (value or key == "namespace") and not LABEL.fullmatch(value):
            raise ClassError(
                f'"{value}" cannot be the {key} of a seat: small letters, digits and hyphens, '
                "at most 63, neither first nor last a hyphen"
            )
    if step not in STEPS:
        raise ClassError(f'there is no step "{step}"; it is {", ".join(STEPS)}')
    return Seat(**fields, step=step)


@dataclass(frozen=True)
class Roster:
    """The seats of a class, in order; without any the lab has its one seat as ever."""

    seats: tuple[Seat, ...] = ()

    def __post_init__(self) -> None:
        for what, values in (
            ("namespace", [seat.namespace for seat in self.seats]),
            ("learner", [seat.learner for seat in self.seats if seat.learner]),
        ):
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ClassError(f"two seats have the {what} {twice[0]}")

    def with_seats(self, more: Iterable[Seat]) -> Roster:
        """Return the list with these at its end."""
        return Roster((*self.seats, *more))

    def without(self, namespaces: Iterable[str]) -> Roster:
        """Return the list without these."""
        gone = set(namespaces)
        return Roster(tuple(seat for seat in self.seats if seat.namespace not in gone))

    def or_none(self) -> Roster:
        """Return the list, or an empty one where no learner is in it: then there is no class."""
        return self if any(seat.learner for seat in self.seats) else Roster()

    def to_json(self) -> str:
        """Return the list as it is kept."""
        return json.dumps({"seats": [asdict(seat) for seat in self.seats]}, indent=1) + "\n"


def parse(text: str) -> Roster:
    """Return the list that a text holds, as `Roster.to_json` writes it.

    Raises:
        ClassError: it is not such a list.
    """
    try:
        content = json.loads(text or "{}")
    except ValueError as error:
        raise ClassError(f"the list of seats is not JSON ({error})") from error
    entries = content.get("seats", []) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise ClassError('the list of seats is not of the form {"seats": [...]}')
    return Roster(tuple(parse_seat(entry) for entry in entries))


def find(roster: Roster, word: str) -> Seat:
    """Return the seat that somebody means: by number, namespace, its end, or the learner.

    Raises:
        ClassError: none is meant, or two.
    """
    for said, meant in (("namespace", word), ("learner", word), ("namespace", STEM + word)):
        if found := [seat for seat in roster.seats if getattr(seat, said) == meant]:
            return found[0]
    names = ", ".join(seat.namespace for seat in roster.seats)
    raise ClassError(
        f'no seat of the class is "{word}"; there are {names} (./lab class list)'
        if names
        else f'no seat is "{word}", since there is no class; ./lab class add makes one'
    )


def in_order(seats: Sequence[Seat]) -> list[Seat]:
    """Return seats with 10 after 9."""

    def key(seat: Seat) -> tuple[str, int]:
        stem, _, number = seat.namespace.rpartition("-")
        return (stem, int(number)) if number.isdecimal() else (seat.namespace, 0)

    return sorted(seats, key=key)


def renamed(seat: Seat, **changes: str) -> Seat:
    """Return a seat with other values, checked.

    Raises:
        ClassError: one cannot be.
    """
    return parse_seat(asdict(replace(seat, **changes)))
