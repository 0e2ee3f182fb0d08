"""Runs the test suites that tests/suites.toml lists, each in its own environment.

What a suite needs (a cluster, the platform, the whole lab) is made first, by the same playbooks as
`./lab up` uses. Every suite's time is printed; the last line is the sum of all.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from embedded_cluster.layout import Layout, project_directory
from lab_checks.suite_page import write_page
from lab_ground.streams import outlive_readers

# What must be there, in the order in which it is made; `machine` suites make and remove clusters.
LEVELS = ("nothing", "machine", "cluster", "platform", "lab")
PLAYBOOKS: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "machine": (),
    "cluster": ("create-cluster",),
    "platform": ("create-cluster", "build-images", "install-platform"),
    "lab": (
        "create-cluster",
        "build-images",
        "install-platform",
        "prepare-lab",
        "train-model",
        "serve-model",
        "deploy-inference",
    ),
}
# One more than the cores of a small machine: suites also wait, for servers that they start.
WORKERS = 3
# Suites of these levels wait for pods most of their time: what needs nothing runs beside them. It
# does not beside those that make machines, measure what is on one, or break the network.
BESIDE = ("platform", "lab")
# How far what runs beside gives way to the cluster's suites.
NICE = 10
# Characters of a failed test's message that the summary shows.
CAUSE = 200


@dataclass(frozen=True)
class Suite:
    """One directory of tests and what it takes to run it."""

    name: str
    path: str
    venv: str = "test"
    needs: str = "nothing"
    fast: bool = False
    nightly: bool = False
    arguments: tuple[str, ...] = ()
    timeout: int = 1800


@dataclass
class Result:
    """What one suite's run came to."""

    name: str
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: list[str] = field(default_factory=list)
    output: str = ""


def read_suites(listing: Path) -> list[Suite]:
    """The suites of the listing, in the order in which they run."""
    table = tomllib.loads(listing.read_text())
    suites = []
    for entry in table.get("suite", []):
        entry["arguments"] = tuple(entry.get("arguments", ()))
        suite = Suite(**entry)
        if suite.needs not in LEVELS:
            raise ValueError(
                f'{listing}: suite {suite.name} needs "{suite.needs}", which is none of {LEVELS}'
            )
        if suite.fast and suite.needs != "nothing":
            raise ValueError(f"{listing}: suite {suite.name} is fast and needs {suite.needs}")
        suites.append(suite)
    names = [suite.name for suite in suites]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{listing}: more than one suite is named {', '.join(sorted(twice))}")
    return sorted(suites, key=lambda suite: LEVELS.index(suite.needs))


def read_report(report: Path, result: Result) -> None:
    """Count what a junit report says; a case with an error counts as failed."""
    if not report.exists():
        return
    for case in ElementTree.parse(report).iter("testcase"):  # noqa: S314
        outcomes = {child.tag: child.get("message") or "" for child in case}
        title = f"{case.get('classname', '')}::{case.get('name', '')}"
        if outcomes.keys() & {"failure", "error"}:
            result.failed += 1
            # Errors of a set-up are listed with the cause too: the test itself said nothing.
            cause = (outcomes.get("failure") or outcomes.get("error") or "").partition("\n")[0]
            result.problems.append(f"{title}: {cause[:CAUSE]}" if cause else title)
        elif "skipped" in outcomes:
            result.skipped += 1
        else:
            result.passed += 1


def environment_of(suite: Suite, project: Path) -> Path:
    """The Python of the suite's environment, made by the launcher if it is not there yet."""
    done = subprocess.run(
        [str(project / "lab"), "venv", suite.venv], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f'the environment "{suite.venv}" could not be made')
    return Path(done.stdout.strip()) / "bin/python"


def run_suite(
    suite: Suite, project: Path, reports: Path, *, capture: bool, nice: int = 0
) -> Result:
    """Run one suite and count its outcome; `nice` is how far it gives way to others."""
    result = Result(suite.name)
    started = time.monotonic()
    report = reports / f"{suite.name}.xml"
    report.unlink(missing_ok=True)
    try:
        python = environment_of(suite, project)
        # The way to the environment's own programs, for tests that call one by name.
        path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [
                *("nice", "-n", str(nice)),
                str(python),
                "-m",
                "pytest",
                suite.path,
                f"--junitxml={report}",
                f"--html={reports / (suite.name + '.html')}",
                "--self-contained-html",
                "-o",
                f"cache_dir={reports / '.cache'}",
                *suite.arguments,
            ],
            cwd=project,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            stderr=subprocess.STDOUT if capture else None,
            text=True,
            check=False,
            timeout=suite.timeout,
        )
        result.output = done.stdout or ""
        read_report(report, result)
        if done.returncode != 0 and not result.failed:
            result.failed += 1
            result.problems.append(f"pytest ended with {done.returncode}")
        elif not result.passed and not result.failed:
            result.failed += 1
            result.problems.append("no test was run")
    except subprocess.TimeoutExpired:
        result.failed += 1
        result.problems.append(f"not done within {suite.timeout} s")
    except RuntimeError as error:
        result.failed += 1
        result.problems.append(str(error))
    result.seconds = time.monotonic() - started
    return result


def prepare(level: str, done: set[str], project: Path) -> Result | None:
    """Make what suites of this level need; None where there is nothing to make."""
    playbooks = [
        name
        for name in PLAYBOOKS[level]
        if name not in done and (project / f"playbooks/{name}.yml").exists()
    ]
    if not playbooks:
        return None
    result = Result(f"prepare-{level}")
    started = time.monotonic()
    for name in playbooks:
        outcome = subprocess.run(
            [str(project / "lab"), "run", name], stdin=subprocess.DEVNULL, check=False
        )
        done.add(name)
        if outcome.returncode != 0:
            result.failed = 1
            result.problems.append(f"the playbook {name} failed")
            break
    result.seconds = time.monotonic() - started
    return result


def tell(result: Result) -> None:
    """Print how one suite ended."""
    if result.output:
        print(result.output.rstrip(), flush=True)
    counts = f"{result.passed} passed, {result.failed} failed"
    if result.skipped:
        counts += f", {result.skipped} skipped"
    print(f"--- {result.name}: {counts} in {result.seconds:.1f} s", flush=True)


def choose(
    suites: Sequence[Suite],
    *,
    fast: bool,
    names: Sequence[str],
    destructive: bool,
    nightly: bool = False,
    project: Path,
) -> list[Suite]:
    """The suites that this run is about; says which are left out and why."""
    unknown = set(names) - {suite.name for suite in suites}
    if unknown:
        raise SystemExit(
            f"There is no suite {', '.join(sorted(unknown))}; there are: "
            + ", ".join(suite.name for suite in suites)
        )
    chosen = [suite for suite in suites if not names or suite.name in names]
    chosen = [suite for suite in chosen if suite.fast or not fast]
    chosen = [suite for suite in chosen if (project / suite.path).exists()]
    if not nightly and not names:
        for suite in chosen:
            if suite.nightly:
                print(f"--- {suite.name}: left out; ./lab test --nightly runs it", flush=True)
        chosen = [suite for suite in chosen if not suite.nightly]
    if not destructive and not names:
        for suite in chosen:
            if suite.needs == "machine":
                print(
                    f"--- {suite.name}: left out, because it removes this machine's cluster with "
                    "all that is in it; ./lab test --destructive runs it",
                    flush=True,
                )
        chosen = [suite for suite in chosen if suite.needs != "machine"]
    return chosen


def make_environments(suites: Sequence[Suite], project: Path) -> None:
    """Make what the suites run in one after the other, so that their messages do not mix."""
    for venv in dict.fromkeys(suite.venv for suite in suites):
        environment_of(next(suite for suite in suites if suite.venv == venv), project)


def run_fast(suites: Sequence[Suite], project: Path, reports: Path) -> list[Result]:
    """Run the suites side by side, and tell of each in the listing's order."""
    make_environments(suites, project)
    results = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for result in pool.map(
            lambda suite: run_suite(suite, project, reports, capture=True), suites
        ):
            tell(result)
            results.append(result)
    return results


def go_beside(suites: Sequence[Suite]) -> tuple[list[Suite], list[Suite]]:
    """Part the suites in those that run beside the cluster's, and those that run by themselves.

    What needs nothing works while the cluster's suites wait, which is most of their time. Where no
    suite has such a wait to offer, all run by themselves.
    """
    if not any(suite.needs in BESIDE for suite in suites):
        return [], list(suites)
    beside = [suite for suite in suites if suite.needs == "nothing"]
    return beside, [suite for suite in suites if suite not in beside]


def run_beside(suite: Suite, project: Path, reports: Path) -> Result:
    """Run one suite with the lesser claim to the processors, and tell how it ended."""
    result = run_suite(suite, project, reports, capture=True, nice=NICE)
    tell(result)
    return result


def run_all(suites: Sequence[Suite], project: Path, reports: Path) -> list[Result]:
    """Run the suites, those that are fast side by side, and what they need before the others."""
    results = run_fast([suite for suite in suites if suite.fast], project, reports)
    beside, in_turn = go_beside([suite for suite in suites if not suite.fast])
    make_environments(beside, project)
    done: set[str] = set()
    broken: set[str] = set()
    running: list[Future[Result]] = []
    with ThreadPoolExecutor(1) as pool:
        for suite in in_turn:
            results += prepare_for(suite, done, broken, project)
            if suite.needs in BESIDE and not running:
                running = [pool.submit(run_beside, one, project, reports) for one in beside]
            if suite.needs in broken:
                result = Result(suite.name, failed=1)
                result.problems.append(f"what it needs ({suite.needs}) could not be made")
            else:
                print(f"--- {suite.name}", flush=True)
                result = run_suite(suite, project, reports, capture=False)
                if suite.needs == "machine":
                    done.clear()
            tell(result)
            results.append(result)
    return results + [future.result() for future in running]


def prepare_for(suite: Suite, done: set[str], broken: set[str], project: Path) -> list[Result]:
    """Make what the suite needs, unless it is there or could not be made before."""
    if suite.needs == "nothing" or suite.needs in broken:
        return []
    prepared = prepare(suite.needs, done, project)
    if prepared is None:
        return []
    tell(prepared)
    if prepared.failed:
        broken.update(LEVELS[LEVELS.index(suite.needs) :])
    return [prepared]


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="./lab test", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    parser.add_argument("--fast", action="store_true", help="only what needs no cluster")
    parser.add_argument(
        "--destructive",
        action="store_true",
        default=os.environ.get("CI") == "true" or not Layout().record.exists(),
        help="also what removes this machine's cluster (the default in CI and without a cluster)",
    )
    parser.add_argument(
        "--nightly", action="store_true", help="also what takes the lab away for minutes"
    )
    parser.add_argument("--list", action="store_true", help="list the suites and end")
    arguments = parser.parse_args()
    project = project_directory()
    reports = project / ".lab/reports"
    reports.mkdir(parents=True, exist_ok=True)
    suites = read_suites(project / "tests/suites.toml")
    if arguments.list:
        for suite in suites:
            print(f"{suite.name:24} needs {suite.needs:9} {suite.venv:10} {suite.path}")
        return 0
    chosen = choose(
        suites,
        fast=arguments.fast,
        names=arguments.suites,
        destructive=arguments.destructive,
        nightly=arguments.nightly,
        project=project,
    )
    began, started = datetime.now().astimezone(), time.monotonic()
    results = run_all(chosen, project, reports)
    write_page(results, reports, began, time.monotonic() - started)
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    skipped = sum(result.skipped for result in results)
    print()
    for result in results:
        mark = "FAILED" if result.failed else "ok"
        print(f"{result.name:32} {result.seconds:8.1f} s  {result.passed:5} passed  {mark}")
        for problem in result.problems:
            print(f"    {problem}")
    print(f"{'all':32} {time.monotonic() - started:8.1f} s; reports: {reports}/tests.html")
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
