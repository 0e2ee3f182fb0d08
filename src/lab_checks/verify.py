"""Runs every check of the project's own files, reports all failures, and exits once."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from embedded_cluster.layout import cache_directory, project_directory
from lab_ground.streams import outlive_readers

WORKERS = 2
# Packages by the environment whose libraries they are typed against.
TYPED = {
    "test": (
        "embedded_cluster",
        "lab_checks",
        "lab_class",
        "lab_diagnosis",
        "lab_driver",
        "lab_images",
        "lab_launcher",
        "lab_playbook",
        "lab_reset",
        "lab_status",
        "lab_steps",
        "lab_validation",
        "mnist_workload",
        "resource_definitions",
    ),
    "platform": (
        "activator",
        "auth_proxy",
        "class_board",
        "controllers",
        "dashboard",
        "lab_ground",
        "learner_login",
        "model_puller",
        "model_repository",
        "model_server",
        "object_storage",
        "pipeline_database",
        "pipeline_launcher",
        "pipeline_server",
        "router",
        "volume_watcher",
    ),
    "inference": ("mnist_webapp",),
}
# Scripts that are read in exist only where the script runs.
SHELLCHECK = ("shellcheck", "--format=gcc", "--exclude=SC1091")


@dataclass(frozen=True)
class Outcome:
    """What one check found; no problem text means that all is well."""

    name: str
    problems: str
    seconds: float


def tracked(project: Path, *patterns: str) -> list[str]:
    """Files that Git knows, by pattern; ignored and generated ones are not checked."""
    done = subprocess.run(
        ["git", "ls-files", "-z", "--", *patterns],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in done.stdout.split("\0") if name and (project / name).is_file()]


def run(project: Path, words: Sequence[str], **more: str) -> str:
    """Run one program; returns its output when it failed."""
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        **more,
    }
    try:
        done = subprocess.run(
            list(words),
            cwd=more.get("cwd", project),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return f"{words[0]} is not installed"
    if done.returncode == 0:
        return ""
    return done.stdout.strip() or f"{words[0]} ended with {done.returncode}"


def ansible_lint(project: Path) -> str:
    """Playbooks and roles by ansible-lint's strictest profile."""
    with tempfile.TemporaryDirectory() as home:
        return run(project, ["ansible-lint", "-q", "--nocolor", "--offline"], ANSIBLE_HOME=home)


def syntax(project: Path) -> str:
    """Every playbook with each inventory, as Ansible itself reads it."""
    problems = []
    playbooks = ["site.yml", *tracked(project, "playbooks/*.yml")]
    for inventory in ("embedded", "kubernetes", "openshift"):
        refusal = run(
            project,
            ["ansible-playbook", "-i", f"inventories/{inventory}", "--syntax-check", *playbooks],
        )
        if refusal:
            problems.append(refusal)
    return "\n".join(problems)


def yamllint(project: Path) -> str:
    """Every YAML file."""
    return run(project, ["yamllint", "-f", "parsable", *tracked(project, "*.yml", "*.yaml")])


def ruff(project: Path) -> str:
    """Every Python file."""
    return run(project, ["ruff", "check", "--output-format=concise", "."])


def untyped(project: Path, typed: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each package of src/ that no environment has, and for each that has gone."""
    listed = {package for packages in typed.values() for package in packages}
    rooms = {path.parent.name for path in (project / "src").glob("*/__init__.py")}
    missing = [
        f"src/{name} is not typed: name its environment in lab_checks/verify.py, TYPED."
        for name in sorted(rooms - listed)
    ]
    gone = [
        f"src/{name} is not there: take it out of lab_checks/verify.py, TYPED."
        for name in sorted(listed - rooms)
    ]
    return missing + gone


def mypy(project: Path) -> str:
    """The packages of src/ and the plugins, strictly, each with the libraries that it runs with."""
    problems = untyped(project, TYPED)
    for venv, names in TYPED.items():
        packages = [f"src/{name}" for name in names]
        packages += ["plugins"] if venv == "test" else []
        python = project / f".lab/venv-{venv}/bin/python"
        cache = f"--cache-dir=.mypy_cache/{venv}"
        problems.append(
            run(
                project,
                ["mypy", "--no-error-summary", f"--python-executable={python}", cache, *packages],
            )
        )
    return "\n".join(problem for problem in problems if problem)


def shellcheck(project: Path) -> str:
    """Every shell script, by its name or its first line."""
    scripts = set(tracked(project, "*.sh"))
    for name in tracked(project):
        try:
            with (project / name).open("rb") as stream:
                first = stream.readline(80)
        except OSError:
            continue
        if first.startswith(b"#!") and first.rstrip().endswith((b"/sh", b"/bash", b"env bash")):
            scripts.add(name)
    plain = sorted(name for name in scripts if not name.endswith(".j2"))
    problems = [run(project, [*SHELLCHECK, *plain])]
    # A template of a script becomes one when its expressions have stand-ins.
    for name in sorted(scripts - set(plain)):
        problems.append(shellcheck_template(project, name))
    return "\n".join(problem for problem in problems if problem)


def shellcheck_template(project: Path, name: str) -> str:
    """One script that Ansible renders, with the word `value` for each expression."""
    text = (project / name).read_text()
    while "{{" in text:
        start = text.index("{{")
        text = text[:start] + "value" + text[text.index("}}", start) + 2 :]
    lines = ["" if "{%" in line else line for line in text.splitlines()]
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / Path(name).stem
        script.write_text("\n".join(lines) + "\n")
        complaints = run(project, [*SHELLCHECK, str(script)])
        return complaints.replace(str(script), name)


def go_vet(project: Path) -> str:
    """The Go module, with the tool chain and the caches that build it."""
    from embedded_cluster.go_build import environment, go_program

    cache = cache_directory()
    problems = []
    go = str(go_program(project / "kube", cache))
    for words in (["vet", "./..."], ["test", "./..."]):
        done = subprocess.run(
            [go, *words],
            cwd=project / "kube",
            env=environment(cache),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            problems.append(done.stdout.strip())
    return "\n".join(problems)


def role_arguments(project: Path) -> str:
    """Every role's defaults against its argument_specs, both ways."""
    return run(project, [sys.executable, "-m", "lab_checks.role_arguments"])


def module_arguments(project: Path) -> str:
    """Every module's documentation against what it takes, and its examples against both."""
    return run(project, [sys.executable, "-m", "lab_checks.module_arguments"])


def imports(project: Path) -> str:
    """The rooms of src/ against the contracts of pyproject.toml: floors, and who knows whom."""
    return run(project, ["lint-imports", "--no-cache"])


def dashboard_page(project: Path) -> str:
    """The dashboard's page by TypeScript's compiler, strictly."""
    from lab_checks.page_packages import dashboard_sources

    with tempfile.TemporaryDirectory() as scratch:
        copy = dashboard_sources(project, Path(scratch) / "dashboard", cache_directory())
        return run(project, [str(copy / "node_modules/.bin/tsc"), "--project", str(copy)])


def collections(project: Path) -> str:
    """What collections/requirements.yml asks for against what is installed."""
    return run(project, [sys.executable, "-m", "lab_checks.collections"])


CHECKS: dict[str, Callable[[Path], str]] = {
    "ansible-lint": ansible_lint,
    "go": go_vet,
    "mypy": mypy,
    "syntax": syntax,
    "ruff": ruff,
    "yamllint": yamllint,
    "shellcheck": shellcheck,
    "role-arguments": role_arguments,
    "module-arguments": module_arguments,
    "imports": imports,
    "collections": collections,
    "dashboard-page": dashboard_page,
}


def check(name: str, project: Path) -> Outcome:
    """Run one check with its time taken."""
    started = time.monotonic()
    try:
        problems = CHECKS[name](project)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        problems = f"the check itself failed: {error}"
    return Outcome(name, problems, time.monotonic() - started)


def main() -> int:
    """Run all checks, or those named."""
    parser = argparse.ArgumentParser(prog="./lab verify", description=__doc__)
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=", ".join(CHECKS))
    arguments = parser.parse_args()
    unknown = set(arguments.checks) - set(CHECKS)
    if unknown:
        parser.error(f"no check {', '.join(sorted(unknown))}; there are {', '.join(CHECKS)}")
    project = project_directory()
    names = arguments.checks or list(CHECKS)
    failed = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for outcome in pool.map(lambda name: check(name, project), names):
            mark = "FAILED" if outcome.problems else "ok"
            print(f"{outcome.name:16} {mark:7} {outcome.seconds:6.1f} s", flush=True)
            if outcome.problems:
                failed.append(outcome.name)
                print("    " + outcome.problems.replace("\n", "\n    "), flush=True)
    print(f"{len(names) - len(failed)} of {len(names)} checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    outlive_readers()
    sys.exit(main())
