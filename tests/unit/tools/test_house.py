"""The house as it is meant to be: packages are installed, not reached by a path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab_checks.verify import tracked

PROJECT = Path(__file__).resolve().parents[3]
# The launcher before there is an environment, the supervisord that is the machine's own, and
# what a step's command is given in an image that we do not know.
BY_PATH = {
    "lab",
    "roles/kube_runtime/templates/supervisor.sh.j2",
    "src/pipeline_launcher/launcher.py",
}
REACHING = re.compile(r"sys\.path\b|PYTHONPATH|__path__\b|pythonpath")


def reaching(name: str) -> list[str]:
    """Lines of a file that say where packages are."""
    lines = (PROJECT / name).read_text(errors="replace").splitlines()
    return [f"{name}: {line.strip()}" for line in lines if REACHING.search(line)]


def test_no_file_says_where_packages_are() -> None:
    own = str(Path(__file__).relative_to(PROJECT))
    names = tracked(PROJECT, "*.py", "*.yml", "*.yaml", "*.toml", "*.sh", "*.j2", "*.cfg", "lab")
    assert [line for name in names if name not in BY_PATH | {own} for line in reaching(name)] == []


@pytest.mark.parametrize(
    "line",
    [
        "sys.path.insert(0, str(ROOT))",
        "sys.path[:0] = [SRC]",
        "del sys.path[0]",
        "  PYTHONPATH: src",
        "pythonpath = ['src']",
        "ansible.module_utils.__path__.append(SRC)",
    ],
)
def test_what_would_say_so_is_found(line: str) -> None:
    assert REACHING.search(line)


def test_a_logger_has_one_name() -> None:
    named = re.compile(r"^(\w+)\s*(?::\s*\S+\s*)?=\s*logging\.getLogger\((?!\))", re.MULTILINE)
    names = {
        (name, match[1])
        for name in tracked(PROJECT, "src/*.py")
        for match in named.finditer((PROJECT / name).read_text())
    }
    assert len(names) > 10
    assert {pair for pair in names if pair[1] != "logger"} == set()
