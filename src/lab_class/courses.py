"""Makes the entries of new seats, from a number or from a course's file."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

from lab_class.roster import LABEL, STEM, ClassError, Roster, Seat

# The most seats of one call: a slip of the keyboard is no class.
MOST = 500
# Columns of a course's file, by what they may be called.
USER = ("user", "username", "login", "learner", "account")
NAME = ("name", "full name", "fullname", "display name")


def numbered(roster: Roster, count: int, step: str) -> list[Seat]:
    """Return ``count`` new seats with the lowest numbers that are free.

    Raises:
        ClassError: the count cannot be meant.
    """
    if not 1 <= count <= MOST:
        raise ClassError(f"a class grows by 1 to {MOST} seats at once, not by {count}")
    return [
        Seat(f"{STEM}{number}", f"user{number}", "", step)
        for number in _free_numbers(roster, count)
    ]


def _free_numbers(roster: Roster, count: int) -> list[int]:
    taken = {seat.namespace for seat in roster.seats} | {seat.learner for seat in roster.seats}
    numbers: list[int] = []
    number = 0
    while len(numbers) < count:
        number += 1
        if f"{STEM}{number}" not in taken and f"user{number}" not in taken:
            numbers.append(number)
    return numbers


def of_course(roster: Roster, text: str, step: str) -> tuple[list[Seat], list[str]]:
    """Return the new seats of a course's CSV, and the users in it who have a seat already.

    The first line names the columns: `user` (else made from the name) and `name`; others are let
    be. Comma, semicolon and tab separate.

    Raises:
        ClassError: a line cannot be read; the message has its number.
    """
    rows = _rows(text)
    header = [column.strip().lower() for column in rows[0]] if rows else []
    users = [at for at, column in enumerate(header) if column in USER]
    names = [at for at, column in enumerate(header) if column in NAME]
    if not users and not names:
        raise ClassError(
            'the first line of the course names its columns, of which one is "user" or "name"; '
            f"it is {header}"
        )
    known = {seat.learner for seat in roster.seats}
    wanted: dict[str, str] = {}
    already = []
    for number, row in enumerate(rows[1:], start=2):
        values = [value.strip() for value in row]
        if not any(values):
            continue
        user, name = _value(values, users), _value(values, names)
        learner = user.lower() if users else account_of(name)
        if not LABEL.fullmatch(learner):
            raise ClassError(
                f'line {number} of the course: "{user or name}" cannot be a user\'s name: letters, '
                "digits and hyphens, at most 63"
            )
        if learner in wanted:
            raise ClassError(f'line {number} of the course: the user "{learner}" is in it twice')
        if learner in known:
            already.append(learner)
        else:
            wanted[learner] = name
    if len(wanted) > MOST:
        raise ClassError(f"a class grows by at most {MOST} seats at once; the course has more")
    numbers = _free_numbers(roster, len(wanted))
    seats = [
        Seat(f"{STEM}{number}", learner, name, step)
        for number, (learner, name) in zip(numbers, wanted.items(), strict=True)
    ]
    return seats, already


def _rows(text: str) -> list[list[str]]:
    text = text.removeprefix("\ufeff")
    first = text.splitlines()[0] if text.strip() else ""
    separator = max(",;\t", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=separator, strict=True))
    except csv.Error as error:
        raise ClassError(f"the course is not CSV: {error}") from error


def _value(values: Sequence[str], columns: Iterable[int]) -> str:
    return next((values[at] for at in columns if at < len(values) and values[at]), "")


def account_of(name: str) -> str:
    """Return a user's name made from a person's: ``Ada Lovelace`` is ``ada-lovelace``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-")
