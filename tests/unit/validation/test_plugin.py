"""The plugin, run for real in a pytest of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]

SUITE = '''
import pytest

pytestmark = []

@pytest.mark.project
def test_volumes():
    """Volumes are bound."""

@pytest.mark.serving
@pytest.mark.parametrize("token", ["none", "garbage"])
def test_model(token, record_property):
    """The model answers."""
    record_property("accuracy", 0.97)
    record_property("measure:First prediction (s)", 1.25)
    assert token == "none", "InferenceService mnist: password=abcd1234efgh was refused"

@pytest.fixture
def broken():
    raise RuntimeError("the browser did not start")

@pytest.mark.prediction
def test_digit(broken):
    """A digit is recognised."""

@pytest.mark.data
def test_skipped():
    """The data are complete."""
    pytest.skip("no bucket")

def test_without_a_step():
    pass
'''


@pytest.fixture(name="summary")
def run_the_suite(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "test_suite.py").write_text(SUITE)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "lab_validation.plugin", "-p", "no:cacheprovider",
         "--lab-report", str(tmp_path / "report"), "--rootdir", str(tmp_path), str(tmp_path)],
        cwd=tmp_path, env=environment, check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    page = (tmp_path / "report" / "index.html").read_text()
    assert "abcd1234efgh" not in page
    return json.loads((tmp_path / "report" / "summary.json").read_text())


def test_each_outcome_stands_under_its_step(summary: dict) -> None:
    outcomes = {step["id"]: step["outcome"] for step in summary["steps"]}
    assert outcomes["project"] == "passed"
    assert outcomes["serving"] == "failed"
    assert outcomes["prediction"] == "failed", "a failed fixture is a failed check"
    assert outcomes["data"] == "failed", "a skipped check must not look like a working part"
    assert outcomes["token"] == "missing"


def test_titles_causes_and_figures(summary: dict) -> None:
    checks = {check["title"]: check for check in summary["checks"]}
    assert set(checks) == {
        "Volumes are bound", "The model answers (none)", "The model answers (garbage)",
        "A digit is recognised", "The data are complete",
    }  # fmt: skip
    cause = checks["The model answers (garbage)"]["cause"]
    assert cause.startswith("InferenceService mnist: password=")
    assert "abcd1234efgh" not in cause
    assert "browser did not start" in checks["A digit is recognised"]["cause"]
    assert summary["accuracy"] == 0.97
    assert summary["measurements"] == {"First prediction (s)": 1.25}
