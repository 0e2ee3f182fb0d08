"""The runner counts honestly and leaves nothing out in silence."""

from __future__ import annotations

import re
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lab_checks import suites
from lab_checks.suite_page import write_page
from lab_checks.suites import Result, Suite, choose, read_report, read_suites

REPORT = """<testsuites><testsuite>
<testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure message="wrong key&#10;at line 3"/></testcase>
<testcase classname="a" name="broken"><error message="x"/></testcase>
<testcase classname="a" name="left"><skipped message="x"/></testcase>
</testsuite></testsuites>"""


def test_an_error_counts_as_failed(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    result = Result("example")
    read_report(report, result)
    assert (result.passed, result.failed, result.skipped) == (1, 2, 1)
    assert result.problems == ["a::bad: wrong key", "a::broken: x"]


def test_suites_run_in_the_order_of_what_they_need(tmp_path: Path) -> None:
    listing = tmp_path / "suites.toml"
    listing.write_text(
        "".join(
            f'[[suite]]\nname = "{needs}"\npath = "x"\nneeds = "{needs}"\n'
            for needs in ("lab", "cluster", "nothing", "platform", "machine")
        )
    )
    assert [suite.name for suite in read_suites(listing)] == list(suites.LEVELS)


@pytest.mark.parametrize(("text", "told"), [
    ('[[suite]]\nname = "a"\npath = "x"\nneeds = "luck"\n', "luck"),
    ('[[suite]]\nname = "a"\npath = "x"\nneeds = "lab"\nfast = true\n', "fast"),
    ('[[suite]]\nname = "a"\npath = "x"\n' * 2, "more than one"),
])  # fmt: skip
def test_a_wrong_listing_is_refused(text: str, told: str, tmp_path: Path) -> None:
    listing = tmp_path / "suites.toml"
    listing.write_text(text)
    with pytest.raises(ValueError, match=told):
        read_suites(listing)


def test_what_is_left_out_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    all_suites = [
        Suite("plain", ".", fast=True),
        Suite("destroyer", ".", needs="machine"),
    ]
    more = {"fast": False, "names": [], "project": tmp_path}
    assert [s.name for s in choose(all_suites, destructive=False, **more)] == ["plain"]
    assert "destroyer" in capsys.readouterr().out
    assert len(choose(all_suites, destructive=True, **more)) == 2


def test_fast_means_only_fast(tmp_path: Path) -> None:
    all_suites = [Suite("quick", ".", fast=True), Suite("slow", ".")]
    chosen = choose(all_suites, fast=True, names=[], destructive=True, project=tmp_path)
    assert [suite.name for suite in chosen] == ["quick"]


def test_a_suite_without_tests_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(suites, "environment_of", lambda *_: Path(sys.executable))
    result = suites.run_suite(Suite("empty", "empty"), tmp_path, tmp_path, capture=True)
    assert result.failed == 1


@pytest.mark.parametrize(("needs", "beside"), [
    (("nothing", "machine", "cluster"), []),
    (("nothing", "platform", "nothing"), ["0", "2"]),
    (("nothing", "lab"), ["0"]),
    (("nothing", "nothing"), []),
    (("cluster", "platform"), []),
])  # fmt: skip
def test_what_needs_nothing_runs_beside_what_waits(
    needs: tuple[str, ...], beside: list[str]
) -> None:
    listed = [Suite(str(number), ".", needs=need) for number, need in enumerate(needs)]
    besides, in_turn = suites.go_beside(listed)
    assert [suite.name for suite in besides] == beside
    assert sorted(besides + in_turn, key=lambda suite: suite.name) == listed


@pytest.mark.parametrize("prepared", [True, False])
def test_every_suite_is_run_and_told_wherever_it_runs(
    prepared: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("beside", "first", "second"):
        (tmp_path / f"{name}.py").write_text("def test_it() -> None: assert 1 + 1 == 2\n")
    listed = [
        Suite("beside", "beside.py"),
        Suite("first", "first.py", needs="cluster"),
        Suite("second", "second.py", needs="platform"),
    ]
    monkeypatch.setattr(suites, "environment_of", lambda *_: Path(sys.executable))
    outcome = Result("prepare-platform", failed=0 if prepared else 1)
    monkeypatch.setattr(
        suites, "prepare", lambda level, *_: outcome if level == "platform" else None
    )
    results = {result.name: result for result in suites.run_all(listed, tmp_path, tmp_path)}
    assert results["beside"].passed == results["first"].passed == 1
    assert results["second"].passed == (1 if prepared else 0)
    assert results["second"].failed == (0 if prepared else 1)
    told = capsys.readouterr().out
    assert all(f"--- {name}:" in told for name in ("beside", "first", "second"))


def test_the_page_says_what_failed_and_why_and_links_only_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "good.html").touch()
    problem = "a::bad: expected <b> & got: nothing"
    results = [
        Result("prepare-lab", seconds=3),
        Result("good", seconds=754, passed=3),
        Result("bad", passed=1, failed=1, problems=[problem]),
    ]
    page = write_page(results, tmp_path, datetime(2026, 1, 2, 3, 4, tzinfo=UTC), 760).read_text()
    assert "1 of 5 tests failed" in page
    assert "<strong>a::bad</strong>: expected &lt;b&gt; &amp; got: nothing" in page
    assert 'href="good.html"' in page
    assert 'href="prepare-lab.html"' not in page
    assert "12 min 34 s" in page
    assert "2026-01-02 03:04" in page


def test_what_runs_at_night_has_its_reason_and_what_stands_for_it() -> None:
    project = Path(suites.__file__).resolve().parents[2]
    listed = tomllib.loads((project / "tests/suites.toml").read_text())["suite"]
    text = (project / "docs/decisions/some-suites-run-at-night.md").read_text()
    rows = [line.split("|")[1:4] for line in text.splitlines() if line.startswith("| `")]
    nightly = {suite["name"] for suite in listed if suite.get("nightly")}
    assert {name.strip(" `") for name, _, _ in rows} == nightly
    daily = {suite["name"] for suite in listed} - nightly
    for name, _, instead in rows:
        named = set(re.findall(r"`([a-z-]+)`", instead))
        assert named & daily, f"nothing stands for {name.strip()} in every run"
        assert named <= daily, f"{named - daily} of {name.strip()} are no suites of every run"
