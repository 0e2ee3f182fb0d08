"""The list of seats: any list comes back as it was kept, and what is none is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_class import courses
from lab_class.roster import LABEL, STEPS, ClassError, Roster, Seat, find, in_order, parse

LABELS = st.from_regex(LABEL, fullmatch=True)
SEATS = st.builds(
    Seat, LABELS, st.one_of(st.just(""), LABELS), st.text(max_size=20), st.sampled_from(STEPS)
)
ROSTERS = st.lists(
    SEATS,
    max_size=8,
    unique_by=(lambda seat: seat.namespace, lambda seat: seat.learner or id(seat)),
).map(lambda seats: Roster(tuple(seats)))


@given(ROSTERS)
def test_a_list_comes_back_as_it_was_kept(roster: Roster) -> None:
    assert parse(roster.to_json()) == roster


@given(st.one_of(st.text(max_size=30), st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(
        st.sampled_from(["seats", "namespace", "step", "learner"]), inner, max_size=3)),
    max_leaves=8).map(json.dumps)))  # fmt: skip
def test_anything_is_a_list_or_refused_in_words(text: str) -> None:
    try:
        roster = parse(text)
    except ClassError as error:
        told = str(error)
    else:
        told = roster.to_json()
    assert told


@pytest.mark.parametrize("twice", ["namespace", "learner"])
def test_two_seats_share_nothing(twice: str) -> None:
    seats = (Seat("a", "x"), Seat("a", "y")) if twice == "namespace" else (
        Seat("a", "x"), Seat("b", "x"))  # fmt: skip
    with pytest.raises(ClassError, match=f"two seats have the {twice}"):
        Roster(seats)


def test_a_seat_is_meant_by_number_namespace_end_or_learner() -> None:
    roster = Roster((Seat("mnist"), Seat("mnist-1", "ada"), Seat("mnist-walk", "user1")))
    for word, namespace in (("1", "mnist-1"), ("mnist-1", "mnist-1"), ("ada", "mnist-1"),
                            ("walk", "mnist-walk"), ("mnist", "mnist")):  # fmt: skip
        assert find(roster, word).namespace == namespace
    with pytest.raises(ClassError, match='no seat of the class is "7"; there are mnist, mnist-1'):
        find(roster, "7")
    with pytest.raises(ClassError, match=r"\./lab class add makes one"):
        find(Roster(), "7")


@given(ROSTERS, st.integers(1, 40))
def test_new_seats_meet_no_others(roster: Roster, count: int) -> None:
    grown = roster.with_seats(courses.numbered(roster, count, "workbench"))
    assert len(grown.seats) == len(roster.seats) + count


def test_numbers_fill_the_gaps_in_order() -> None:
    roster = Roster((Seat("mnist", step="complete"), Seat("mnist-2", "user2")))
    new = courses.numbered(roster, 3, "workbench")
    assert [seat.namespace for seat in new] == ["mnist-1", "mnist-3", "mnist-4"]
    ordered = in_order([Seat("mnist-10"), Seat("mnist-9")])
    assert [seat.namespace for seat in ordered] == ["mnist-9", "mnist-10"]


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=12)
ROWS = st.lists(st.tuples(LABELS, NAMES), max_size=6, unique_by=lambda row: row[0])


@given(ROWS, st.sampled_from(",;\t"))
def test_a_course_gives_each_user_a_seat(rows: list[tuple[str, str]], separator: str) -> None:
    quoted = [[user, '"' + name.replace('"', '""') + '"'] for user, name in rows]
    lines = [separator.join(row) for row in [["user", "name"], *quoted]]
    seats, already = courses.of_course(Roster(), "\ufeff" + "\r\n".join(lines) + "\r\n", "project")
    assert [(seat.learner, seat.name) for seat in seats] == [(u, n.strip()) for u, n in rows]
    grown = Roster(tuple(seats))
    assert courses.of_course(grown, "\n".join(lines), "project") == ([], [u for u, _ in rows])
    assert already == []


@pytest.mark.parametrize(("text", "told"), [
    ("", "names its columns"),
    ("a,b\nc,d\n", "names its columns"),
    ("user\nada\nada\n", "line 3 of the course: the user .ada. is in it twice"),
    ("user\nada b\n", "line 2 of the course: .ada b. cannot be"),
    ("name\n漢字\n", "line 2 of the course"),
    ('user,name\nada,"open\n', "not CSV"),
])  # fmt: skip
def test_a_course_that_cannot_be_read_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(ClassError, match=told):
        courses.of_course(Roster(), text, "project")


def test_a_user_is_made_of_a_name() -> None:
    seats, _ = courses.of_course(Roster(), "Name;Mail\nAda Lovelace;a@b\nÉmile Zola;\n", "project")
    assert [seat.learner for seat in seats] == ["ada-lovelace", "emile-zola"]


@pytest.mark.parametrize("count", [0, -1, 501])
def test_no_class_is_that_large(count: int) -> None:
    with pytest.raises(ClassError, match="by 1 to 500 seats"):
        courses.numbered(Roster(), count, "workbench")
