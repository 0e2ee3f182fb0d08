"""What a person types, read and checked; every complaint by its field."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline_server.web import forms
from pipeline_server.web.spec import InputField


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("STRING", " as it is ", " as it is "),
        ("NUMBER_INTEGER", " -7 ", -7),
        ("NUMBER_DOUBLE", "1e-3", 0.001),
        ("BOOLEAN", "True", True),
        ("LIST", "[1, 2]", [1, 2]),
        ("STRUCT", '{"a": null}', {"a": None}),
    ],
)
def test_values_are_read_by_type(kind: str, text: str, value: Any) -> None:
    assert forms.read_value(InputField("x", kind), text) == value


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        ("NUMBER_INTEGER", "1.5", "A whole number is wanted"),
        ("NUMBER_INTEGER", "seven", "A whole number is wanted"),
        ("NUMBER_DOUBLE", "nan", "A number is wanted"),
        ("NUMBER_DOUBLE", "1,5", "A number is wanted"),
        ("BOOLEAN", "maybe", "Choose true or false"),
        ("LIST", '{"a": 1}', "JSON like [1, 2] is wanted"),
        ("LIST", "[1,", "not JSON at line 1, column 4"),
        ("STRUCT", "[]", 'JSON like {"key": 1} is wanted'),
        ("STRING", "", "no default"),
    ],
)
def test_wrong_values_are_refused_with_the_remedy(kind: str, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint.replace("[", r"\[").replace("{", r"\{")):
        forms.read_value(InputField("x", kind), text)


def test_an_empty_field_leaves_the_default_to_the_server() -> None:
    assert forms.read_value(InputField("x", "NUMBER_INTEGER", 3, required=False), "") is None


def test_choices_bind() -> None:
    item = InputField("x", "STRING", choices=("a", "b"))
    assert forms.read_value(item, "b") == "b"
    with pytest.raises(ValueError, match="Choose one of: a, b"):
        forms.read_value(item, "c")


def test_all_complaints_at_once() -> None:
    inputs = [InputField("epochs", "NUMBER_INTEGER"), InputField("rate", "NUMBER_DOUBLE")]
    checked = forms.check(inputs, {"name": " ", "parameter.epochs": "x", "parameter.rate": "y"})
    assert set(checked.errors) == {"name", "parameter.epochs", "parameter.rate"}


def test_fields_show_what_was_typed_then_what_was_given_then_the_default() -> None:
    inputs = [
        InputField("typed", "NUMBER_INTEGER", 1, required=False),
        InputField("given", "LIST", [1.0], required=False),
        InputField("default", "BOOLEAN", True, required=False),
    ]
    fields = forms.build_fields(
        inputs, {"parameter.typed": "abc"}, {"given": [2.0, 3.5]}, {"parameter.typed": "wrong"}
    )
    assert [field.value for field in fields] == ["abc", "[2, 3.5]", "true"]
    assert [field.widget for field in fields] == ["integer", "json", "select"]
    assert fields[0].error == "wrong"


@pytest.mark.parametrize(
    ("cron", "fine"),
    [
        ("0 0 6 * * *", True),
        ("*/10 * * * * *", True),
        ("0 30 2 * * MON-FRI", True),
        ("0 6 * * *", False),
        ("", False),
        ("0 0 6 * * ;", False),
    ],
)
def test_cron_has_six_fields(cron: str, fine: bool) -> None:
    assert (forms.cron_problem(cron) == "") is fine


def schedule(**typed: str) -> forms.Checked:
    return forms.check([], {"name": "n", "mode": "recurring", **typed})


def test_a_period() -> None:
    made = schedule(trigger="period", every="2", unit="hours", catch_up="on").schedule
    assert made is not None
    assert (made.interval_seconds, made.cron, made.no_catchup) == (7200, "", False)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"trigger": "period", "every": "0", "unit": "hours"}, "every"),
        ({"trigger": "period", "every": "1", "unit": "moons"}, "every"),
        ({"trigger": "cron", "cron": "often"}, "cron"),
        ({"every": "1", "max_concurrency": "99"}, "max_concurrency"),
        ({"every": "1", "start": "tomorrow"}, "start"),
        ({"every": "1", "start": "2026-03-02T10:00", "end": "2026-03-02T09:00"}, "end"),
    ],
)
def test_schedules_are_checked(typed: dict[str, str], field: str) -> None:
    assert field in schedule(**{"unit": "hours", **typed}).errors
