"""A first run: an unsuitable machine is refused unchanged, and two runs at once do not collide."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from embedded_cluster import early
from embedded_cluster.preflight import CONTROLLERS, GIB, Machine

PROJECT = Path(__file__).resolve().parents[3]
NOBODY = 65534
# Answers as Python does, but makes no environment: it says that it was asked, and takes its time.
PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exec /usr/bin/python3 "$@"
echo "venv $3" >>"$CALLS"
mkdir -p "$3/bin"
cp "$TOOLS/pip" "$3/bin/pip"
"""
PIP = """#!/bin/sh
sleep 0.5
cp "$TOOLS/uv" "${0%/*}/uv"
"""
UV = """#!/bin/sh
for word in "$@"; do last=$word; done
case "$*" in *" venv "*) /usr/bin/python3 -m venv --without-pip "$last" ;; esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the launcher needs of a checkout, for everybody to read."""
    root = tmp_path / "checkout"
    folders = ("embedded_cluster", "lab_class", "lab_ground", "lab_launcher")
    for name in (
        *(f"src/{folder}" for folder in folders),
        "inventories",
        "playbooks",
        "requirements",
    ):
        shutil.copytree(
            PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", ".lab")
        )
    for lock in PROJECT.glob("images/*/*.lock"):
        target = root / lock.relative_to(PROJECT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(lock, target)
    shutil.copy2(PROJECT / "lab", root / "lab")
    for path in (*tmp_path.parents, tmp_path, *root.rglob("*"), root):
        if path.is_relative_to(tmp_path.parents[1]):
            path.chmod(path.stat().st_mode | 0o555 if path.is_dir() else 0o755)
    return root


def lab(
    checkout: Path, *words: str, before: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, str(checkout / "lab"), *words],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": os.environ["PATH"], "HOME": "/", **environment},
    )


@pytest.fixture
def as_nobody() -> list[str]:
    """The words that make root somebody else; whoever is not root is somebody else already."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def entries(root: Path) -> list[Path]:
    return sorted(root.rglob("*"))


@pytest.mark.parametrize("words", [["up"], ["run", "create-cluster"], ["up", "--check"]])
def test_whoever_is_not_root_is_told_so_and_nothing_is_made(
    checkout: Path, tmp_path: Path, as_nobody: list[str], words: list[str]
) -> None:
    before = entries(tmp_path)
    done = lab(checkout, *words, before=as_nobody, LAB_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "must be started by root" in done.stderr
    assert "sudo ./lab up" in done.stderr
    assert "denied" not in done.stderr
    assert entries(tmp_path) == before


def test_an_unsuitable_machine_is_refused_before_anything_is_installed(
    checkout: Path, tmp_path: Path
) -> None:
    module = checkout / "src/embedded_cluster/preflight.py"
    text = module.read_text()
    assert "cores: int = 2" in text
    module.write_text(text.replace("cores: int = 2", "cores: int = 99999"))
    before = entries(tmp_path)
    done = lab(checkout, "up", LAB_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert "Nothing was changed" in done.stderr
    assert "99999 are needed" in done.stderr
    assert entries(tmp_path) == before


@pytest.mark.parametrize(("words", "told"), [
    (["venv", "lab"], "cannot write"),
    (["status"], "cannot write"),
])  # fmt: skip
def test_a_directory_that_cannot_be_made_is_told_with_the_remedy(
    checkout: Path, tmp_path: Path, as_nobody: list[str], words: list[str], told: str
) -> None:
    if not as_nobody:
        checkout.chmod(0o555)
    done = lab(checkout, *words, before=as_nobody, LAB_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 2
    assert told in done.stderr
    assert "run sudo ./lab" in done.stderr
    assert "denied" not in done.stderr


def test_a_cache_that_cannot_be_made_is_told_with_the_remedy(
    checkout: Path, as_nobody: list[str]
) -> None:
    state = checkout / ".lab"
    state.mkdir()
    if as_nobody:
        os.chown(state, NOBODY, NOBODY)
    done = lab(checkout, "venv", "lab", before=as_nobody, LAB_CACHE="/proc/nowhere")
    assert done.returncode == 2
    assert "cannot write the cache /proc/nowhere" in done.stderr
    assert "set LAB_CACHE" in done.stderr


def test_two_first_runs_make_uv_once(checkout: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("python", PYTHON), ("pip", PIP), ("uv", UV)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    calls = tmp_path / "calls"
    environment = {
        "PATH": os.environ["PATH"],
        "LAB_CACHE": str(tmp_path / "cache"),
        "LAB_PYTHON": str(tools / "python"),
        "CALLS": str(calls),
        "TOOLS": str(tools),
    }
    running = [
        subprocess.Popen(
            [str(checkout / "lab"), "venv", name],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("lab", "test", "workload")
    ]
    for process in running:
        _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
    assert len(calls.read_text().splitlines()) == 1


class TestEarly:
    """What is certain before the inventory is read."""

    BAD = Machine(
        user_id=1000,
        os_release={"ID": "debian", "VERSION_ID": "12"},
        cores=1,
        memory=8 * GIB,
        disk_free=50 * GIB,
        disk_path="/var/cache",
        controllers=frozenset(CONTROLLERS),
        capabilities=0,
        foreign_ports={},
        foreign_kubernetes=(),
        resolver=True,
    )

    def test_all_reasons_come_at_once(self) -> None:
        assert len(early.refusals(self.BAD, adjusted=False)) == 2

    def test_what_a_variable_may_have_lowered_is_left_to_the_role(self) -> None:
        [reason] = early.refusals(self.BAD, adjusted=True)
        assert "user 1000" in reason

    @pytest.mark.parametrize(("arguments", "expected"), [
        ([], False),
        (["-e", "lab_preflight_cores=1"], True),
        (["-e", "@values.yml"], True),
        (["-e", '{"lab_preflight_cores": 1}'], True),
        (["--check", "--diff"], False),
    ])  # fmt: skip
    def test_adjusted_by_the_call(self, arguments: list[str], expected: bool) -> None:
        assert early.adjusted(arguments, PROJECT / "inventories/embedded") is expected

    def test_adjusted_by_the_inventory(self, tmp_path: Path) -> None:
        (tmp_path / "group_vars").mkdir()
        (tmp_path / "group_vars/all.yml").write_text("lab_preflight_memory_gib: 4\n")
        assert early.adjusted([], tmp_path)

    @pytest.mark.parametrize(("arguments", "expected"), [
        (["--check"], True),
        (["--list-tasks"], False),
        (["-i", "inventories/mine"], False),
        (["--inventory=inventories/mine"], False),
    ])  # fmt: skip
    def test_only_what_would_make_the_cluster_concerns(
        self, arguments: list[str], expected: bool
    ) -> None:
        assert early.concerns(arguments) is expected
