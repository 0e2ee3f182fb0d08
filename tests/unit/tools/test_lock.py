"""The lock commands, run on a copy of the lists with a uv that writes down what it is asked."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
FUNCTION = re.compile(r"^locks_of\(\) \{.*?^\}", re.MULTILINE | re.DOTALL)
RECORDING_UV = """#!/bin/sh
echo "$*" >>"$CALLS"
while [ $# -gt 1 ]; do
    [ "$1" != -o ] || echo locked >"$2"
    shift
done
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The launcher, the lists of packages and their locks, and the recording uv."""
    root = tmp_path / "checkout"
    shutil.copytree(PROJECT / "requirements", root / "requirements")
    for path in PROJECT.glob("images/**/*"):
        if path.suffix in (".in", ".lock", ".txt") or path.name == "lock.sh":
            copy = root / path.relative_to(PROJECT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
    shutil.copy2(PROJECT / "lab", root / "lab")
    # The launcher looks at its words before anything else.
    for folder in ("src/lab_class", "src/lab_ground", "src/lab_launcher", "inventories"):
        shutil.copytree(PROJECT / folder, root / folder)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").write_text(RECORDING_UV)
    (programs / "uv").chmod(0o755)
    # The launcher's own uv stands in the cache under the key of its lock file.
    key = subprocess.run(
        ["/bin/sh", "-c", 'cat requirements/uv.lock; python3 -c "$PRINT"'], cwd=root, check=True,
        env={**os.environ, "PRINT": "import sys; print(sys.version_info[:2])"},
        capture_output=True,
    ).stdout  # fmt: skip
    home = tmp_path / "cache/venvs" / f"uv-{hashlib.sha256(key).hexdigest()[:16]}"
    (home / "bin").mkdir(parents=True)
    (home / "bin/uv").symlink_to(programs / "uv")
    (home / ".complete").touch()
    return root


def run(command: str, checkout: Path) -> list[str]:
    """Run a lock command as the documents have it; return what uv was asked."""
    calls = checkout.parent / "calls"
    done = subprocess.run(
        shlex.split(command), cwd=checkout, capture_output=True, text=True, check=False, timeout=60,
        env={
            **os.environ, "CALLS": str(calls), "LAB_CACHE": str(checkout.parent / "cache"),
            "PATH": f"{checkout.parent / 'bin'}:{os.environ['PATH']}",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return calls.read_text().splitlines()


def lists(folder: str) -> set[str]:
    return {str(path.relative_to(PROJECT)) for path in (PROJECT / folder).rglob("*.in")}


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        ("./lab lock", "requirements"),
        ("./lab lock --upgrade", "requirements"),
        ("images/lock.sh", "images"),
        ("images/lock.sh --upgrade", "images"),
    ],
)
def test_every_list_is_locked_with_hashes_and_without_an_index(
    checkout: Path, command: str, folder: str
) -> None:
    calls = run(command, checkout)
    read = {word for call in calls for word in call.split() if word.endswith(".in")}
    assert read == lists(folder)
    for call in calls:
        assert {"--generate-hashes", "--no-emit-index-url"} <= set(call.split())
        assert ("--upgrade" in call.split()) == command.endswith("--upgrade")
        source = next(word for word in call.split() if word.endswith(".in"))
        assert (checkout / source).with_suffix(".lock").read_text() == "locked\n"


def pins(lock: str) -> set[tuple[str, str]]:
    """Package, with the Python that it is for where it says so, and version of each entry."""
    entry = re.compile(
        r"^([\w.-]+)(?:\[[^]]*\])?==([^ ;]+)(?: ; (python_full[^\\\n]+))?", re.MULTILINE
    )
    matches = entry.finditer((PROJECT / lock).read_text())
    return {(f"{match[1]} {match[3] or ''}".strip(), match[2]) for match in matches}


@pytest.mark.parametrize(
    "environment", ["test", "serving-test", "workload", "platform", "serving", "benchmarks"]
)
def test_an_environment_s_lists_agree_and_its_own_repeats_none(environment: str) -> None:
    asked = f"{FUNCTION.search((PROJECT / 'lab').read_text()).group(0)}\nlocks_of {environment}"
    told = subprocess.run(["/bin/sh", "-c", asked], check=True, capture_output=True, text=True)
    *others, own = told.stdout.split()
    known = {pin for lock in others for pin in pins(lock)}
    mine = pins(own)
    versions: dict[str, set[str]] = {}
    for package, version in known | mine:
        versions.setdefault(package, set()).add(version)
    assert {name: both for name, both in versions.items() if len(both) > 1} == {}
    if not own.endswith("pytest.lock"):
        assert known & mine == set()
