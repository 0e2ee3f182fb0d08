"""The class's board over a simulated class: steps, errors, use, and a service that hangs."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_class import AT, WAY, Class, thing

from class_board import messages, rows, services, words
from class_board.asking import AskError
from class_board.board import Board


class Answering:
    """A class behind `Ask`; ``slow`` and ``broken`` are beginnings of paths."""

    def __init__(self, told: Class) -> None:
        self.paths = told.answers()
        self.slow: dict[str, float] = {}
        self.broken: dict[str, int] = {}
        self.asked: list[str] = []

    async def __call__(self, path: str, query: Any = None, *, text: bool = False) -> Any:
        self.asked.append(path)
        for start, seconds in self.slow.items():
            if path.startswith(start):
                await asyncio.sleep(seconds)
        for start, status in self.broken.items():
            if path.startswith(start):
                raise AskError(status, "no")
        if path not in self.paths:
            raise AskError(404, f"there is no {path}")
        return self.paths[path]


def look(ask: Answering, times: int = 1, **options: Any) -> dict[str, Any]:
    """What a board shows at its last look."""

    async def looks() -> dict[str, Any]:
        board = Board(ask, **{"rest": 0.0, "patience": 5.0, **options})
        try:
            for _ in range(times):
                found = await board.look()
            return found
        finally:
            await board.close()

    return asyncio.run(looks())


@given(st.lists(st.sampled_from(WAY), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_every_seat_is_at_its_step(steps):
    found = look(Answering(Class(steps)))
    assert [row["step"] for row in found["seats"]] == steps
    assert [row["learner"] for row in found["seats"]] == [
        f"user{number + 1}" for number in range(len(steps))
    ]
    assert found["whole"]


def test_since_when_what_it_takes_and_who_is_active():
    [row] = look(Answering(Class(["digit"])))["seats"]
    assert row["since"] == AT.format(36)
    assert row["lastActivity"] == AT.format(40)
    assert (row["cpu"], row["memory"]) == (20.0, 4 * 100 * 2**20)
    assert row["workbench"]["url"] == "https://notebook-mnist-1.lab/notebook/mnist-1/notebook"
    assert row["error"] is None


def test_the_notebooks_are_counted():
    [row] = look(Answering(Class(["notebooks"])))["seats"]
    assert row["label"] == "2 of 4 notebooks run"


def test_a_notebook_is_read_once_for_each_time_it_was_saved():
    ask = Answering(Class(["notebooks"]))
    look(ask, times=3)
    assert len([path for path in ask.asked if path.endswith(".ipynb")]) == 4


def test_looking_is_no_activity_in_a_workbench():
    told: list[Any] = []

    class Noting(Answering):
        async def __call__(self, path: str, query: Any = None, *, text: bool = False) -> Any:
            if "/proxy/notebook/" in path:
                told.append((query or {}).get("no_track_activity"))
            return await super().__call__(path, query, text=text)

    look(Noting(Class(["notebooks"])))
    assert len(told) == 8
    assert set(told) == {"1"}


def test_a_run_that_failed_is_told_with_its_reason():
    made = Class(["submitted"])
    made.fail("mnist-1", "Train: No such file data/train.csv\n")
    [row] = look(Answering(made))["seats"]
    assert row["error"] == "The run mnist-1 failed: Train: No such file data/train.csv."


def test_what_is_broken_is_diagnosed():
    made = Class(["workbench", "workbench"])
    [notebook, _] = made.lists["/apis/kubeflow.org/v1/notebooks"]
    notebook["status"] = {"conditions": [{"type": "Ready", "status": "False"}]}
    for pod in made.lists["/api/v1/pods"]:
        if pod["metadata"]["name"] == "notebook-0" and pod["metadata"]["namespace"] == "mnist-1":
            waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nowhere"'}
            pod["status"] = {
                "phase": "Pending",
                "containerStatuses": [
                    {"name": "main", "ready": False, "image": "nowhere",
                     "state": {"waiting": waiting}}
                ],
            }  # fmt: skip
    first, second = look(Answering(made))["seats"]
    assert first["error"].startswith("Notebook notebook")
    assert "nowhere" in first["error"]
    assert first["workbench"]["word"] == "Starting"
    assert second["error"] is None


def test_a_service_that_hangs_holds_up_nobody_and_keeps_its_last_answer():
    ask = Answering(Class(["digit", "digit"]))

    async def looks() -> tuple[Any, float, Any]:
        board = Board(ask, rest=0.0, patience=0.3)
        before = await board.look()
        ask.slow["/api/v1/namespaces/mnist-1/services"] = 30
        began = time.monotonic()
        after = await board.look()
        took = time.monotonic() - began
        await board.close()
        return before, took, after

    before, took, after = asyncio.run(looks())
    assert after == before
    assert took < 1.0


def test_a_seat_whose_services_do_not_answer_is_shown_by_its_objects():
    ask = Answering(Class(["served"]))
    ask.broken["/api/v1/namespaces/mnist-1/"] = 503
    [row] = look(ask)["seats"]
    assert row["step"] == "served"
    assert row["lastActivity"] is None


def test_a_pipeline_server_with_tls_between_pods_is_asked_with_it():
    ask = Answering(Class(["stored"]))
    plain = "/api/v1/namespaces/mnist-1/services/ds-pipeline-ds-pipeline:8888/proxy"
    path = f"{plain}/apis/v2beta1/runs"
    ask.paths[path.replace("/ds-pipeline-ds", "/https:ds-pipeline-ds")] = ask.paths.pop(path)
    ask.broken[plain] = 503
    assert look(ask)["seats"][0]["step"] == "stored"


def test_who_may_not_see_all_is_told_so():
    ask = Answering(Class(["project"]))
    ask.broken["/api/v1/pods"] = 403
    with pytest.raises(AskError) as refused:
        look(ask)
    assert refused.value.status == 403


def test_a_seat_of_the_list_that_is_not_made_yet():
    made = Class(["project", "project"])
    made.lists["/api/v1/namespaces"].pop()
    found = look(Answering(made))
    assert [row["step"] for row in found["seats"]] == ["project", "none"]
    assert found["whole"]


def test_without_a_class_the_labelled_projects_are_shown():
    ask = Answering(Class(["page"]))
    ask.paths.pop("/api/v1/namespaces/lab-platform/configmaps/lab-class")
    assert [row["namespace"] for row in look(ask)["seats"]] == ["mnist-1"]


def test_messages_are_shown():
    made = Class(["project", "project"])
    made.lists["/api/v1/configmaps"].append(messages.build("mnist-2", "Ten\nminutes", AT.format(2)))
    found = look(Answering(made))["seats"]
    assert [row["message"] and row["message"]["text"] for row in found] == [None, "Ten minutes"]


@pytest.mark.parametrize("text", ["", " \n", "x" * 501])
def test_what_is_no_message(text):
    assert messages.fault_of(text)


def test_who_is_idle():
    made = Class(["notebooks", "project", "workbench"])
    found = look(Answering(made))["seats"]
    nine = datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert rows.idle(found, 20, nine + timedelta(minutes=50)) == ["mnist-3"]
    assert rows.idle(found, 20, nine + timedelta(minutes=61)) == ["mnist-1", "mnist-3"]
    found[0]["workbench"]["busy"] = True
    assert rows.idle(found, 20, nine + timedelta(hours=5)) == ["mnist-3"]
    found[2]["workbench"]["word"] = "Stopped"
    assert rows.idle(found, 20, nine + timedelta(hours=5)) == []


def test_a_notebook_as_it_is_cloned_was_not_run():
    assert not services.was_run({"cells": [{"cell_type": "code", "execution_count": None}]})
    assert services.was_run({"cells": [{"cell_type": "code", "outputs": [{}]}]})
    assert not services.was_run({"cells": [{"cell_type": "markdown", "outputs": [{}]}]})


def test_the_terminal_has_a_line_for_each_seat():
    made = Class(["digit", "submitted"])
    made.fail("mnist-2", "no such file")
    found = words.lines(look(Answering(made)), datetime(2026, 3, 2, 10, tzinfo=UTC))
    text = "\n".join(found)
    assert "●●●●●●●●●  mnist-1" in text
    assert "●●●●●○○○○  mnist-2" in text
    assert "    The run mnist-1 failed: no such file." in found
    assert "1 of 2 have recognised a digit" in text
    assert "24 min" in text


def test_a_name_of_a_step_is_of_the_way():
    assert tuple(rows.STEPS)[1:] == WAY
    assert thing("a", "b")["metadata"]["namespace"] == "b"
