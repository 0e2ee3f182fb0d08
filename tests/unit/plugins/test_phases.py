"""What a phase usually takes: learned from this machine's runs, and scaled where there are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from embedded_cluster.layout import project_directory
from lab_ground.machine_speed import loop_seconds
from lab_playbook.phases import REMEMBERED, USUAL, PhaseTimes, usual_text


def times(file: Path, slowness: float = 1.0) -> PhaseTimes:
    return PhaseTimes(file, lambda: slowness)


def test_every_phase_of_the_lab_has_a_time_before_its_first_run(tmp_path: Path) -> None:
    playbooks = yaml.safe_load((project_directory() / "site.yml").read_text())
    names = []
    for entry in playbooks:
        book = project_directory() / entry["ansible.builtin.import_playbook"]
        names += [play["name"] for play in yaml.safe_load(book.read_text())]
    assert set(names) == set(USUAL)
    for name in names:
        assert times(tmp_path / "none.json").usual(name).startswith("usually ")


def test_a_first_run_s_time_is_scaled_by_the_machine_s_speed(tmp_path: Path) -> None:
    slow = times(tmp_path / "none.json", 2.0)
    assert slow.expected("Cluster", "first") == 2 * USUAL["Cluster"]["first"]
    assert slow.expected("nobody timed it", "first") is None
    assert slow.usual("nobody timed it") == "not timed on this machine yet"


def test_what_was_learned_is_not_scaled_and_is_there_for_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "phase-times.json"
    first = times(file, 3.0)
    for seconds in (300, 4):
        first.learn("Cluster", seconds, changed=True)
    for seconds in (9, 2, 3):
        first.learn("Cluster", seconds, changed=False)
    first.save()
    text = times(file, 3.0).usual("Cluster")
    assert text == "usually up to 5:00, or 0:03 when there is nothing to do"


def test_the_machine_s_speed_is_not_measured_where_nobody_asks(tmp_path: Path) -> None:
    def never() -> float:
        raise AssertionError("measured")

    learned = PhaseTimes(tmp_path / "x.json", never)
    learned.learn("Cluster", 5, changed=True)
    learned.learn("Cluster", 5, changed=False)
    assert learned.usual("Cluster") == "usually 0:05"


@given(st.lists(st.floats(0, 10_000), min_size=1, max_size=20))
def test_the_latest_runs_are_remembered(durations: list[float]) -> None:
    learned = times(Path("/nonexistent/phase-times.json"))
    for seconds in durations:
        learned.learn("Cluster", seconds, changed=True)
    latest = [round(one, 1) for one in durations[-REMEMBERED:]]
    expected = max(latest)
    assert learned.expected("Cluster", "first") == expected


@pytest.mark.parametrize("content", [
    {"Cluster": {"first": 420, "again": 6}},
    {"Cluster": {"first": [420], "again": [6, "x"]}, "broken": 3},
])  # fmt: skip
def test_an_earlier_version_s_file_is_read(content: object, tmp_path: Path) -> None:
    file = tmp_path / "phase-times.json"
    file.write_text(json.dumps(content))
    assert times(file).usual("Cluster") == usual_text(420, 6)


@pytest.mark.parametrize("content", ["", "[]", "nonsense", '{"Cluster": []}'])
def test_a_broken_file_is_as_none(content: str, tmp_path: Path) -> None:
    file = tmp_path / "phase-times.json"
    file.write_text(content)
    assert times(file).expected("Cluster", "first") == USUAL["Cluster"]["first"]


def test_more_rounds_take_longer() -> None:
    assert loop_seconds(200_000) > loop_seconds(20_000) > 0
