"""The page says what happened, shows why, and never shows markup from the evidence."""

from __future__ import annotations

from lab_validation.history import entry_of
from lab_validation.plot import draw
from lab_validation.report import render
from lab_validation.results import Check, Run
from lab_validation.templating import duration_text


def a_run(*checks: Check, accuracy: float | None = None) -> Run:
    return Run("2026-01-02T03:04:05+00:00", 75.0, "mnist", checks, accuracy)


GOOD = Check("project", "t", "Volumes are bound", "passed", 0.2)
BAD = Check(
    "serving",
    "t",
    "The model is loaded",
    "failed",
    2.0,
    cause="InferenceService mnist: the access key is wrong <b>",
    evidence={"Events": "<script>alert(1)</script>"},
)


def test_a_good_run_says_so() -> None:
    page = render(a_run(GOOD, accuracy=0.995), [entry_of(a_run(GOOD, accuracy=0.995))])
    assert "The lab works" in page
    assert "99.50 %" in page
    assert "1 of 1" in page


def test_a_bad_run_shows_the_cause_and_escapes_the_evidence() -> None:
    page = render(a_run(GOOD, BAD), [entry_of(a_run(GOOD, BAD))])
    assert "does not work" in page
    assert "the access key is wrong &lt;b&gt;" in page
    assert "<script>alert" not in page
    assert page.index("Volumes are bound") < page.index("The model is loaded")


def test_the_first_broken_step_is_told_apart_from_what_may_follow_from_it() -> None:
    told = {"Cause": "Pod mnist/notebook-0 waits: its image is missing"}
    first = Check("project", "t", "Data connection", "failed", 1, cause="no key", evidence=told)
    second = Check("project", "u", "Volumes", "failed", 1, cause="no key")
    page = render(a_run(BAD, second, first), [])
    summed, details = page.split("<details", 1)
    assert summed.index("No key") < summed.index("its image is missing")
    assert summed.index("its image is missing") < summed.index("perhaps only because of it")
    assert summed.index("perhaps only because of it") < summed.index("the access key is wrong")
    assert details.count("for the same cause") == 1


def test_a_step_without_checks_is_named_as_not_checked() -> None:
    assert "not checked" in render(a_run(GOOD), [])


def test_the_plot_has_a_bar_a_run_and_a_point_a_measured_accuracy() -> None:
    entries = [entry_of(a_run(GOOD, accuracy=0.99)), entry_of(a_run(BAD))]
    picture = draw(entries)
    assert picture.count("<rect") == 2
    assert picture.count('class="bar failed"') == 1
    assert picture.count("<circle") == 1
    assert draw([]) == ""


def test_durations_are_said_as_people_say_them() -> None:
    assert duration_text(3.14159) == "3.1 s"
    assert duration_text(119.9) == "2 min 0 s"
