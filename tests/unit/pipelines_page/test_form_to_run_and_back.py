"""API → run → clone → run → clone: through the server's own application and a database.

The browser is this file's: it reads a form and posts it by HTML's rules, line ends included.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline_server.api.application import create_application
from pipeline_server.web.application import create_page

from .conftest import HOST
from .sample_lab import Lab
from .sample_pipelines import DEFAULTS, every_type
from .test_form_round_trips import NUMBERS, TEXTS

RUNS = "/apis/v2beta1/runs"
# What the server takes for a parameter: integers of 64 bits, texts that UTF-8 can write.
WHOLE = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
VALUES = {
    "text": TEXTS,
    "whole": WHOLE,
    "number": NUMBERS | WHOLE,
    "flag": st.booleans(),
    "items": st.lists(JSON, max_size=3),
    "table": st.dictionaries(TEXTS, JSON, max_size=3),
}
GIVEN = st.fixed_dictionaries(
    VALUES, optional={f"{name}_else": values for name, values in VALUES.items()}
)


class Form(HTMLParser):
    """The fields of a page's posted form as a browser fills them, by their names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._within = False
        self._name = ""
        self._choice: str | None = None
        page = page.replace("\r\n", "\n").replace("\r", "\n")
        self.feed(page.replace("\0", "\N{REPLACEMENT CHARACTER}"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self._within = given.get("method") == "post" and given["action"] == "/new-run"
        if not self._within:
            return
        if tag == "input" and "name" in given:
            self._input({name: value or "" for name, value in attributes})
        elif tag in ("select", "textarea"):
            self._name = given["name"]
            self._choice = None
            if tag == "textarea":
                self.fields[self._name] = ""
        elif tag == "option" and (self._choice is None or "selected" in given):
            self._choice = given.get("value", "")

    def _input(self, given: dict[str, str]) -> None:
        ticked = given.get("type") not in ("radio", "checkbox") or "checked" in given
        if ticked:
            # A field of one line has no line ends.
            value = given.get("value", "on" if given.get("type") == "checkbox" else "")
            self.fields[given["name"]] = value.replace("\n", "")

    def handle_data(self, data: str) -> None:
        if self._within and self._name in self.fields:
            self.fields[self._name] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._within:
            # The first line end belongs to the tag.
            self.fields[self._name] = self.fields[self._name].removeprefix("\n")
        if tag == "select" and self._within:
            self.fields[self._name] = self._choice or ""
        if tag in ("textarea", "select", "form"):
            self._name = ""
            self._within = self._within and tag != "form"

    def posted(self) -> dict[str, str]:
        return {name: value.replace("\n", "\r\n") for name, value in self.fields.items()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    lab = Lab(tmp_path_factory.mktemp("server") / "pipelines.db")
    application = create_application(lab.services, page=create_page(lab.services))
    client = TestClient(application, base_url=HOST, follow_redirects=False)
    client.headers["Origin"] = HOST
    yield client
    lab.services.database.close()


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return every_type()


def parameters(server: TestClient, run_id: str) -> dict[str, Any]:
    reply = server.get(f"{RUNS}/{run_id}")
    return dict(reply.json().get("runtime_config", {}).get("parameters", {}))


def clone(server: TestClient, run_id: str) -> str:
    """The run that the form of a run's clone starts when nobody touches it."""
    form = Form(server.get("/new-run", params={"clone": run_id}).text)
    assert form.fields["clone"] == run_id
    answer = server.post("/new-run", data=form.posted())
    assert answer.status_code == 303, Form(answer.text).fields
    path: str = answer.headers["location"].partition("?")[0]
    return path.removeprefix("/runs/")


def effective(given: dict[str, Any]) -> dict[str, Any]:
    return {**{f"{name}_else": value for name, value in DEFAULTS.items()}, **given}


def same(one: Any, other: Any) -> bool:
    """Equal in value and type, as JSON has them: 1 is not True; but 1 is 1.0 to a number."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other) and isinstance(one, str) == isinstance(other, str)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(GIVEN)
@example({**DEFAULTS, "text": "a\r\nb\rc\nd", "text_else": ""})
@example({**DEFAULTS, "text": "\n", "text_else": "\nstarts with a line end", "flag_else": False})
@example({**DEFAULTS, "text": "</textarea>\n<b>&amp;", "items": ["</textarea>", "\r\n"]})
@example({**DEFAULTS, "whole": 2**63 - 1, "number": 2**53 + 1, "number_else": 1e300})
@example({**DEFAULTS, "text": "", "items": [], "table": {}, "whole": 0, "number": -0.0})
def test_a_run_s_clone_and_its_clone_have_the_run_s_values(
    server: TestClient, spec: dict[str, Any], given: dict[str, Any]
) -> None:
    body = {"display_name": "r", "pipeline_spec": spec, "runtime_config": {"parameters": given}}
    reply = server.post(RUNS, json=body)
    assert reply.status_code == 200, reply.text
    first = reply.json()["run_id"]
    assert same(parameters(server, first), given), "as the API took it"
    second = clone(server, first)
    assert same(effective(parameters(server, second)), effective(given))
    third = clone(server, second)
    assert same(parameters(server, third), parameters(server, second))


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS, TEXTS)
def test_what_is_typed_is_what_the_run_has(
    server: TestClient, spec: dict[str, Any], text: str, word: str
) -> None:
    """Form → run → clone → run: of a stored version, a text of several lines among its values."""
    made = _version(server, spec)
    form = Form(server.get("/new-run", params={"pipeline": made}).text)
    # A browser has no NUL and one kind of line end; what is typed is more than blank.
    plain = "x" + text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    typed = {
        "name": "typed",
        "parameter.text": plain,
        "parameter.whole": " 12 ",
        "parameter.number": "0.5",
        "parameter.flag": "true",
        "parameter.items": '["a"]',
        "parameter.table": '{"a": 1}',
    }
    form.fields.update(typed)
    answer = server.post("/new-run", data=form.posted())
    assert answer.status_code == 303, answer.text
    run_id = answer.headers["location"].partition("?")[0].removeprefix("/runs/")
    wanted = {
        "text": plain,
        "whole": 12,
        "number": 0.5,
        "flag": True,
        "items": ["a"],
        "table": {"a": 1},
    }
    assert same(effective(parameters(server, run_id)), effective(wanted))
    again = clone(server, run_id)
    assert same(parameters(server, again), parameters(server, run_id))


def _version(server: TestClient, spec: dict[str, Any]) -> str:
    """The pipeline in the catalogue, uploaded once."""
    known = server.get("/apis/v2beta1/pipelines").json().get("pipelines", [])
    if known:
        return str(known[0]["pipeline_id"])
    made = server.post(
        "/apis/v2beta1/pipelines/create",
        json={"pipeline": {"name": "every-type"}, "pipeline_version": {"pipeline_spec": spec}},
    )
    assert made.status_code == 200, made.text
    return str(made.json()["pipeline_id"])
