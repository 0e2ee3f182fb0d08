"""The class's board and messages, as whoever asks: an instructor, a learner, a stranger."""

from __future__ import annotations

import pytest
from memory_api import Account
from simulated_class import Class

from class_board.messages import NAME

from .seat import namespace, role_binding, thing

SEATS = ("mnist-1", "mnist-2", "mnist-3")


@pytest.fixture
def made(api, cluster):
    """Three seats, at three steps; the second's learner is ann."""
    told = Class(["digit", "workbench", "notebooks"])
    api.raw = told.answers()
    for name in SEATS:
        cluster.add(namespace(name))
        cluster.add(thing("kubeflow.org/v1", "Notebook", "notebook", name, spec={}))
    cluster.add(role_binding("ann", "mnist-2", "admin"))
    api.accounts["ann"] = Account("ann", {"mnist": "admin", "mnist-2": "admin"})
    yield told
    api.raw = {}


def test_an_instructor_sees_every_seat(made, instructor):
    board = instructor.get("/class")
    assert [row["namespace"] for row in board["seats"]] == list(SEATS)
    assert [row["step"] for row in board["seats"]] == ["digit", "workbench", "notebooks"]
    assert [row["url"] for row in board["seats"]] == [f"/projects/{name}" for name in SEATS]
    assert board["whole"]


@pytest.mark.parametrize("who", ["page", "contributor", "stranger"])
@pytest.mark.parametrize(("method", "path", "body"), [
    ("get", "/class", None),
    ("get", "/class/changes", None),
    ("post", "/class/message", {"text": "Ten minutes left"}),
    ("post", "/class/stop", {"idleMinutes": 0}),
])  # fmt: skip
def test_nobody_else_sees_or_moves_the_class(made, cluster, request, who, method, path, body):
    one = request.getfixturevalue(who)
    before = list(cluster.writes)
    answer = one.write(method.upper(), path, body)
    assert answer.status_code == 403
    assert answer.json()["right"]["resource"] == "namespaces"
    assert cluster.writes == before


def test_a_message_reaches_the_seat_and_no_other(made, instructor, page, stranger, cluster):
    sent = instructor.post("/class/message", {"text": " Ten\nminutes left ", "seats": ["mnist-2"]})
    assert sent == {"seats": ["mnist-2"]}
    [told] = page.get("/messages")["items"]
    assert (told["namespace"], told["text"]) == ("mnist-2", "Ten minutes left")
    assert told["sent"]
    assert stranger.get("/messages") == {"items": []}
    # Again, and with other words: one message, the newest.
    instructor.post("/class/message", {"text": "Done", "seats": ["mnist-2"]})
    assert [told["text"] for told in page.get("/messages")["items"]] == ["Done"]


def test_a_message_to_all_is_taken_away_from_all(made, instructor, page, cluster):
    assert instructor.post("/class/message", {"text": "Break"})["seats"] == list(SEATS)
    instructor.post("/class/message", {"text": ""})
    assert page.get("/messages") == {"items": []}
    assert not [key for key in cluster.objects if key[2] == NAME]


@pytest.mark.parametrize(("form", "field"), [
    ({"text": "x" * 501}, "text"),
    ({"text": "Hello", "seats": ["kube-system"]}, "seats"),
    ({"text": "Hello", "seats": ["Not A Name"]}, "seats"),
    ({}, "text"),
])  # fmt: skip
def test_what_is_no_message_is_refused_at_its_field(made, instructor, cluster, form, field):
    before = list(cluster.writes)
    answer = instructor.write("POST", "/class/message", form)
    assert answer.status_code == 422
    assert field in str(answer.json()["fields"])
    assert cluster.writes == before


def test_only_idle_workbenches_are_stopped(made, instructor, cluster):
    answer = instructor.post("/class/stop", {"idleMinutes": 10, "seats": ["mnist-2", "mnist-3"]})
    assert answer["stopped"] == ["mnist-2", "mnist-3"]
    for name in SEATS:
        bench = cluster.get("kubeflow.org/v1", "Notebook", "notebook", name)
        stopped = "kubeflow-resource-stopped" in bench["metadata"].get("annotations", {})
        assert stopped == (name != "mnist-1")
