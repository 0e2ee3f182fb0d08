"""The plugin, run for real in a pytest of its own."""

from __future__ import annotations

import html
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

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

NAMES_ITS_NAMESPACE = """
import pytest
from lab_validation.plugin import NAMESPACE

@pytest.fixture(scope="session", autouse=True)
def named(pytestconfig):
    pytestconfig.stash[NAMESPACE] = "seat-7"
"""

# A key as the object store has it, and what a report shows of it when pytest shortens a value.
KEY = "q7T/wJx2+Zk9RfLm4VbN&8sD"
PIECES = (KEY, KEY[:12], KEY[-12:])
KNOWS_A_SECRET = f"""
import pytest
from lab_validation.plugin import REDACTOR
from lab_ground.redaction import Redactor

KEY = {KEY!r}

@pytest.fixture(scope="session", autouse=True)
def redactor(pytestconfig):
    pytestconfig.stash[REDACTOR] = Redactor([KEY])

@pytest.fixture
def connection():
    return {{"user": "lab", "filler": "x" * 90, "pass": KEY, "more": "y" * 110}}
"""
LEAKS = """
import logging
import warnings
import pytest

def call(connection):
    print("printed", connection["pass"])
    logging.getLogger("lab").error("logged %s", connection["pass"])
    warnings.warn("warned " + connection["pass"])
    raise RuntimeError("the store said no to " + connection["pass"])

def test_of_no_step(connection):
    assert set(connection) == {"user"}

@pytest.mark.data
def test_in_an_assertion(connection, record_property):
    record_property("key", connection["pass"])
    assert connection["pass"] == "rhods"

@pytest.mark.data
def test_in_a_call(connection):
    try:
        call(connection)
    except RuntimeError as error:
        raise ValueError(f"again {error}") from error

@pytest.fixture
def broken(connection):
    yield
    call(connection)

@pytest.mark.data
def test_in_a_teardown(broken):
    pass

@pytest.mark.data
def test_in_a_skip(connection):
    pytest.skip("no bucket for " + connection["pass"])
"""


def run_pytest(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the tests of a directory with the plugin, as the role and the suites do."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "lab_validation.plugin", "-p", "no:cacheprovider",
         "--lab-report", "report", "--rootdir", str(directory), str(directory), *options],
        cwd=directory, check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.fixture(name="summary")
def run_the_suite(tmp_path: Path) -> dict[str, object]:
    (tmp_path / "conftest.py").write_text(NAMES_ITS_NAMESPACE)
    (tmp_path / "test_suite.py").write_text(SUITE)
    run_pytest(tmp_path)
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
    assert summary["namespace"] == "seat-7"


def test_no_secret_is_in_anything_that_a_run_leaves(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(KNOWS_A_SECRET)
    (tmp_path / "test_leaks.py").write_text(LEAKS)
    done = run_pytest(
        tmp_path, "--junit-xml=junit.xml", "--html=page.html", "--self-contained-html",
        "--showlocals", "--tb=long", "-vv", "-rA",
    )  # fmt: skip
    assert "the store said no to" in done.stdout, done.stdout + done.stderr
    told = {"terminal": done.stdout + done.stderr}
    for path in (*tmp_path.glob("*.xml"), *tmp_path.glob("*.html"), *tmp_path.glob("report/*")):
        told[path.name] = html.unescape(html.unescape(path.read_text()))
    assert {"junit.xml", "page.html", "index.html", "summary.json"} <= set(told)
    leaks = {name: piece for name, text in told.items() for piece in PIECES if piece in text}
    assert not leaks
    cases = ElementTree.parse(tmp_path / "junit.xml").iter("testcase")
    assert len(list(cases)) == 5


def test_no_secret_is_told_of_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    source = "raise RuntimeError('AWS_SECRET_ACCESS_KEY=' + '1234'.join(['abcd', 'efgh']))"
    (tmp_path / "test_broken.py").write_text(source)
    done = run_pytest(tmp_path, "--junit-xml=junit.xml")
    assert "AWS_SECRET_ACCESS_KEY=" in done.stdout
    assert "abcd1234efgh" not in done.stdout + (tmp_path / "junit.xml").read_text()


def test_every_suite_that_needs_a_lab_is_masked() -> None:
    suites = tomllib.loads((REPOSITORY / "tests/suites.toml").read_text())["suite"]
    plugins = {"lab_validation.plugin", "lab_validation.masking"}
    bare = [
        suite["name"]
        for suite in suites
        if suite["needs"] == "lab" and not plugins & set(suite.get("arguments", ()))
    ]
    assert not bare, f"a failure of {bare} could show a secret of the lab"
