"""Results, their summary and the history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab_ground.files import write_whole
from lab_steps.steps import STEP_IDS, step_for
from lab_validation import history, results


def check(step: str, outcome: results.Outcome = "passed", **more: object) -> results.Check:
    return results.Check(
        step=step, name=f"test_{step}", title=step, outcome=outcome, duration=1.5, **more
    )


def run(*checks: results.Check, **more: object) -> results.Run:
    return results.Run("2026-01-02T03:04:05+00:00", 12.0, "mnist", checks, **more)


def test_an_empty_run_is_not_a_success() -> None:
    assert not run().ok


def test_one_failure_fails_the_run_and_its_step_only() -> None:
    outcome = run(check("project"), check("serving", "failed", cause="the key is wrong"))
    by_step = {result.step.id: result.outcome for result in results.by_step(outcome)}
    assert not outcome.ok
    assert by_step["project"] == "passed"
    assert by_step["serving"] == "failed"
    assert by_step["prediction"] == "missing"


def test_the_summary_lists_the_steps_in_the_learners_order() -> None:
    outcome = results.summary(run(check("serving", "failed", cause="why"), accuracy=0.99))
    assert [step["id"] for step in outcome["steps"]] == list(STEP_IDS)
    assert outcome["failed"] == 1
    assert outcome["accuracy"] == 0.99
    assert next(s for s in outcome["steps"] if s["id"] == "serving")["causes"] == ["why"]


def test_the_summary_names_the_cause_of_the_first_broken_step() -> None:
    outcome = run(
        check("token", "failed", cause="refused"), check("serving", "failed", cause="no model")
    )
    assert results.summary(outcome)["cause"] == "The served model: no model"
    assert results.summary(run(check("data")))["cause"] == ""


def test_the_summary_file_is_json(tmp_path: Path) -> None:
    results.write_summary(run(check("data")), tmp_path / "deep" / "summary.json")
    assert json.loads((tmp_path / "deep" / "summary.json").read_text())["ok"] is True


def test_the_history_keeps_the_last_thirty(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    for number in range(35):
        entries = history.append(path, run(check("data"), accuracy=number / 100))
    assert len(entries) == history.KEPT_RUNS == len(history.read(path))
    assert entries[-1].accuracy == 0.34
    assert entries[0].accuracy == 0.05


def test_each_namespace_has_a_history_of_its_own(tmp_path: Path) -> None:
    for namespace in ("mnist", "mnist-2", "mnist"):
        entries = history.append(history.path_of(tmp_path, namespace), run(check("data")))
    assert len(entries) == 2
    assert len(history.read(history.path_of(tmp_path, "mnist-2"))) == 1


def test_a_damaged_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    history.append(path, run(check("data")))
    path.write_text(path.read_text() + "{half a li\n" + '{"unknown": 1}\n')
    assert len(history.append(path, run(check("data")))) == 2


def test_a_failed_write_leaves_the_former_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, "first")

    def refuse(self: Path, target: Path) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "second")
    monkeypatch.undo()
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("markers", "expected"),
    [({"serving", "slow"}, "serving"), ({"prediction", "data"}, "data"), ({"slow"}, None)],
)
def test_the_step_of_a_set_of_markers(markers: set[str], expected: str | None) -> None:
    assert step_for(markers) == expected
