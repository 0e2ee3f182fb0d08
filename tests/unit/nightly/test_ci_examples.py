"""The examples for GitHub Actions and Tekton: their scripts are run, with a launcher that notes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "instructor" / "ci"
LAB = """#!/bin/sh
umask 077
printf '%s\\n' "$*" >"$NOTES/words"
env >"$NOTES/environment"
reports=${REPORTS:-.lab/reports/nightly}
mkdir -p "$reports/20260101T000000Z"
echo '{"ok": true}' >"$reports/20260101T000000Z/result.json"
"""
SUDO = """#!/bin/sh
echo "sudo $*" >>"$NOTES/sudo"
exec "$@"
"""
GIT = """#!/bin/sh
for word; do target=$word; done
mkdir -p "$target" && cp "$NOTES/bin/lab" "$target/lab"
"""


@pytest.fixture(name="notes")
def notes_of_the_programs(tmp_path: Path) -> Path:
    for name, text in (("lab", LAB), ("sudo", SUDO), ("git", GIT)):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path


def run(script: str, directory: Path, notes: Path, shell: str, **environment: str) -> None:
    done = subprocess.run(
        [shell, "-e", "-c", script], cwd=directory, text=True, capture_output=True, check=False,
        timeout=30, env={
            "PATH": f"{notes / 'bin'}:{os.environ['PATH']}", "NOTES": str(notes), **environment,
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_report_of_a_run_on_github_can_be_uploaded(notes: Path) -> None:
    workflow = yaml.safe_load((EXAMPLES / "github-actions.yml").read_text())
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True]["schedule"] == [{"cron": "30 2 * * *"}]
    steps = workflow["jobs"]["lab"]["steps"]
    checkout = notes / "checkout"
    checkout.mkdir()
    (notes / "bin/lab").rename(checkout / "lab")
    scripts = [step["run"] for step in steps if "run" in step]
    for script in scripts:
        run(script, checkout, notes, "bash")
    words = (notes / "words").read_text().split()
    assert words[:2] == ["run", "run-nightly"]
    assert any(line.startswith("sudo chown -R") for line in (notes / "sudo").open())
    upload = steps[-1]
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert (checkout / upload["with"]["path"] / "20260101T000000Z/result.json").is_file()
    assert not upload["with"]["path"].startswith("."), "the upload leaves out what is hidden"
    # A failed run is what a report is for.
    assert {step.get("if") for step in steps[2:]} == {"always()"}


def test_actions_are_named_by_their_commits() -> None:
    lines = (EXAMPLES / "github-actions.yml").read_text().splitlines()
    used = [line.partition("uses:")[2].strip() for line in lines if "uses:" in line]
    assert len(used) > 1
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def by_name(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in entries}


def test_a_run_on_tekton_has_a_kubeconfig_and_keeps_its_report(notes: Path) -> None:
    task, task_run = yaml.safe_load_all((EXAMPLES / "tekton.yml").read_text())
    assert task_run["spec"]["taskRef"]["name"] == task["metadata"]["name"]
    given = {entry["name"]: str(entry["value"]) for entry in task_run["spec"]["params"]}
    wanted = by_name(task["spec"]["workspaces"])
    bound = by_name(task_run["spec"]["workspaces"])
    assert given.keys() == by_name(task["spec"]["params"]).keys()
    assert wanted.keys() == bound.keys() == {"kubeconfig", "reports"}
    assert "secret" in bound["kubeconfig"]
    assert "persistentVolumeClaim" in bound["reports"]

    def filled(text: str) -> str:
        text = re.sub(r"\$\(params\.(\w+)\)", lambda match: given[match[1]], text)
        return re.sub(
            r"\$\(workspaces\.(\w+)\.path\)",
            lambda match: str(notes / wanted[match[1]]["name"]),
            text,
        )

    (step,) = task["spec"]["steps"]
    environment = {entry["name"]: filled(str(entry["value"])) for entry in step["env"]}
    script = filled(step["script"]).replace("/tmp/", f"{notes}/tmp/")
    assert "$(" not in script + "".join(environment.values())
    environment["HOME"] = environment["HOME"].replace("/tmp/", f"{notes}/tmp/")
    run(script, notes, notes, "sh", **environment)
    seen = dict(line.split("=", 1) for line in (notes / "environment").read_text().splitlines())
    assert seen["KUBECONFIG"] == f"{notes}/kubeconfig/config"
    assert seen["LAB_INVENTORY"] == "openshift"
    assert seen["LAB_BASE_DOMAIN"] == given["domain"]
    words = (notes / "words").read_text()
    assert f"-e lab_nightly_reports={notes}/reports/nightly" in words
    assert (notes / "reports/nightly/20260101T000000Z/result.json").is_file()
