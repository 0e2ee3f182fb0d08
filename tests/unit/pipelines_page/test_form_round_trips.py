"""A form gives back what it was made from, whatever the type and the text; run after run."""

from __future__ import annotations

import html
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from pipeline_server.web import forms
from pipeline_server.web.spec import InputField

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.text("\r\n a\t\0", max_size=8)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
VALUES = {
    "STRING": TEXTS,
    "NUMBER_INTEGER": st.integers(),
    "NUMBER_DOUBLE": NUMBERS,
    "BOOLEAN": st.booleans(),
    "LIST": st.lists(JSON, max_size=4),
    "STRUCT": st.dictionaries(TEXTS, JSON, max_size=4),
}
PARAMETERS = st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(st.just(kind), VALUES[kind])
)
DEFAULTS = st.none() | TEXTS


def browser_posts(field: forms.FormField) -> str:
    """What a browser reads out of the field and posts, by HTML's rules for its kind of field."""
    read = html.unescape(str(escape(field.value)))
    read = read.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
    if field.widget not in {"json", "lines"}:
        assert "\n" not in read, "a field of one line loses its line ends"
    return read.replace("\n", "\r\n")


def round_trip(item: InputField, values: dict[str, Any]) -> dict[str, Any]:
    """A run's values, through the form of its clone."""
    (field,) = forms.build_fields([item], given=values)
    checked = forms.check([item], {"name": "n", field.name: browser_posts(field)}, values)
    assert checked.errors == {}
    return checked.parameters


@given(PARAMETERS, DEFAULTS)
def test_a_clone_of_a_clone_has_the_values_of_the_run(
    parameter: tuple[str, Any], default: str | None
) -> None:
    kind, value = parameter
    item = InputField("x", kind, default if kind == "STRING" else None, required=default is None)
    first = round_trip(item, {"x": value})
    second = round_trip(item, first)
    assert [repr(first), repr(second)] == [repr({"x": value})] * 2


@given(TEXTS)
def test_a_typed_text_has_plain_line_ends(text: str) -> None:
    item = InputField("x", "STRING", required=False)
    posted = "a" + forms.as_posted(text)
    checked = forms.check([item], {"name": "n", "parameter.x": posted.replace("\n", "\r\n")})
    assert checked.parameters == {"x": posted}


@given(PARAMETERS)
def test_a_default_that_nobody_touched_is_the_default(parameter: tuple[str, Any]) -> None:
    kind, value = parameter
    item = InputField("x", kind, value, required=False)
    (field,) = forms.build_fields([item])
    checked = forms.check([item], {"name": "n", field.name: browser_posts(field)})
    assert checked.errors == {}
    assert repr(checked.parameters.get("x", value)) == repr(value)
