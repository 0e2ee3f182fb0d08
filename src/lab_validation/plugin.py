"""The pytest plugin that turns a validation run into the report.

A test belongs to a lab step by its marker (``@pytest.mark.serving``). Its first docstring
line is its title in the report. It may record, with ``record_property``:

- ``screenshot``: path of a picture below the report's directory;
- ``accuracy``: accuracy through the page, from 0 to 1;
- ``measure:NAME``: a figure for the head of the report.

Enabled with ``-p lab_validation.plugin --lab-report DIR``. Whether a report is wanted or not, no
secret gets into what pytest writes (lab_validation.masking).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab_ground.redaction import Redactor
from lab_steps.steps import STEPS, step_for
from lab_validation import history, masking, report, results
from lab_validation.masking import REDACTOR

EvidenceSource = Callable[[str], dict[str, str]]
__all__ = ["EVIDENCE", "EXPLAIN", "NAMESPACE", "REDACTOR"]
EVIDENCE = pytest.StashKey[EvidenceSource]()
EXPLAIN = pytest.StashKey[Callable[[str], str]]()
# The lab's namespace, which the access file names.
NAMESPACE = pytest.StashKey[str]()
# What pytest and selenium put before a message that is a sentence already.
PREFIX = re.compile(
    r"^(?:(?:AssertionError|LookupError|Failed|[\w.]*TimeoutException): )?(?:Message: )?"
)


class Recorder:
    """Collects checks while the tests run and writes the report when they end."""

    def __init__(self, directory: Path) -> None:
        """Write below ``directory`` what is found."""
        self.directory = directory
        self.started = datetime.now(UTC)
        self.clock = time.monotonic()
        self.checks: list[results.Check] = []
        self.accuracy: float | None = None
        self.measurements: dict[str, float] = {}
        self.explained: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Keep one check a test: its call, or the set-up or teardown that failed."""
        outcome = yield
        step = step_for({marker.name for marker in item.iter_markers()})
        if step and (outcome.when == "call" or not outcome.passed):
            self._keep(item, step, outcome)
        return outcome

    def _keep(self, item: pytest.Item, step: str, outcome: pytest.TestReport) -> None:
        redact = item.config.stash.get(REDACTOR, Redactor())
        properties = dict(item.user_properties)
        if "accuracy" in properties:
            self.accuracy = float(str(properties["accuracy"]))
        for name, value in properties.items():
            if name.startswith("measure:"):
                self.measurements[name.removeprefix("measure:")] = float(str(value))
        # A skip counts as a failure here: a missing part must not look like a working one.
        passed = outcome.passed
        explain = item.config.stash.get(EXPLAIN, str)
        self.checks.append(
            results.Check(
                step=step,
                name=item.name,
                title=title_of(item),
                outcome="passed" if passed else "failed",
                duration=outcome.duration,
                cause="" if passed else redact(explain(cause_of(outcome, redact))),
                evidence={} if passed else self._evidence(item, step, redact, outcome),
                screenshot=str(properties.get("screenshot", "")),
            )
        )

    def _evidence(
        self, item: pytest.Item, step: str, redact: Redactor, outcome: pytest.TestReport
    ) -> dict[str, str]:
        """The cluster is looked at once for each broken step, at its first failed check."""
        collect = item.config.stash.get(EVIDENCE, None)
        evidence = collect(step) if collect and step not in self.explained else {}
        self.explained.add(step)
        return {**evidence, "Where the check stopped": redact(outcome.longreprtext)}

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write summary, history and page."""
        run = results.Run(
            started=self.started.isoformat(timespec="seconds"),
            duration=time.monotonic() - self.clock,
            namespace=session.config.stash.get(NAMESPACE, ""),
            checks=tuple(self.checks),
            accuracy=self.accuracy,
            measurements=self.measurements,
        )
        if not run.checks:
            return
        entries = history.append(history.path_of(self.directory, run.namespace), run)
        results.write_summary(run, self.directory / "summary.json")
        report.write_report(run, entries, self.directory / "index.html")


def title_of(item: pytest.Item) -> str:
    """Return the first line of the test's docstring, or its name in words."""
    documentation = getattr(getattr(item, "function", None), "__doc__", None) or ""
    first = documentation.strip().split("\n", 1)[0].rstrip(".")
    title = first or item.name.removeprefix("test_").replace("_", " ")
    parameters = getattr(getattr(item, "callspec", None), "id", "")
    return f"{title} ({parameters})" if parameters else title


def cause_of(outcome: pytest.TestReport, redact: Callable[[str], str]) -> str:
    """Return why a check failed in one sentence: the assertion's message, else the last error."""
    crash: Any = getattr(outcome.longrepr, "reprcrash", None)
    text = str(crash.message) if crash is not None else outcome.longreprtext
    # Masked as a whole: one line of a key does not tell what it is.
    lines = [line.strip() for line in redact(text).splitlines() if line.strip()]
    if not lines:
        return "failed without a message"
    return PREFIX.sub("", lines[0])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options."""
    group = parser.getgroup("lab validation")
    group.addoption("--lab-report", type=Path, default=None, help="directory of the report")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers, the masker, and the recorder where a report is wanted."""
    for step in STEPS:
        config.addinivalue_line("markers", f"{step.id}: {step.explanation}")
    masking.pytest_configure(config)
    directory = config.getoption("--lab-report")
    if directory is not None:
        config.pluginmanager.register(Recorder(directory), "lab-validation-recorder")
