"""The class's board and messages on the page, with its own server over a simulated class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from accessibility import find_broken_rules
from dashboard_pages import Dashboard, Levers
from selenium import webdriver

from .conftest import Serve, watched
from .looks import look

SERVER = "tests.browser.dashboard.serve"
STEPS = ["digit", "served", "submitted", "notebooks", "workbench", "project"]


@pytest.fixture
def cluster(serve: Serve) -> Levers:
    """Six seats on their way, one of which has a run that failed; an instructor looks."""
    moved = Levers(serve(SERVER))
    moved.pull("reset")
    moved.pull("class", {"steps": STEPS, "failed": {"mnist-3": "Train: no such file train.csv"}})
    moved.pull("who", "root")
    return moved


@pytest.fixture
def board(
    driver: webdriver.Chrome, serve: Serve, cluster: Levers, reports: Path
) -> Iterator[Dashboard]:
    """The class's page."""
    for shown in watched(driver, serve(SERVER), reports):
        yield shown.open("/projects").click("Class").wait_for("Together they take")


@pytest.fixture
def broken_rules(board: Dashboard, rules: str) -> Callable[[], list[str]]:
    """What a checker of accessibility has to say of the page as it is now."""
    return lambda: find_broken_rules(board.driver, rules)


def test_every_seat_is_shown_with_its_step_and_what_is_wrong(board: Dashboard) -> None:
    text = board.text
    assert "6 seats: 1 has recognised a digit, something is wrong in 1." in text
    assert "The run mnist-1 failed: Train: no such file train.csv." in text
    for words in ("digit recognised", "model served", "2 of 4 notebooks run", "9 of 9", "1 of 9"):
        assert words in text
    assert "user6" in text


def test_how_it_looks(board: Dashboard, broken_rules: Callable[[], list[str]]) -> None:
    assert look(board, "class", broken_rules) == []


def test_a_message_stands_above_every_page_of_the_seat(board: Dashboard, cluster: Levers) -> None:
    board.click("Message to all").fill("Message", "Ten minutes left").click("Send")
    board.wait_for("Told 6 of the class").wait_for("Told: Ten minutes left")
    [told] = [
        found
        for found in cluster.pull("objects", "ConfigMap")
        if found["metadata"]["namespace"] == "mnist-2"
    ]
    cluster.pull("add", {**told, "metadata": {"name": "lab-message", "namespace": "mnist"}})
    cluster.pull("who", "ann")
    board.open("/projects/mnist").wait_for("Ten minutes left")
    board.screenshot("class-message")


def test_idle_workbenches_are_stopped(board: Dashboard) -> None:
    board.click("Stop idle workbenches").wait_for("Idle for at least").click("Cancel")


def test_a_learner_has_no_class(board: Dashboard, cluster: Levers) -> None:
    cluster.pull("who", "ann")
    board.open("/class").wait_for("Access permissions needed")
    assert "mnist-1" not in board.text
