"""The documents: links that lead somewhere, commands that exist, options that are known."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from documents import documents

REPOSITORY = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "roles/*/README.md", "images/**/README.md")
    for path in REPOSITORY.glob(pattern)
)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(?:shell|sh|bash)?\n(.*?)^```", re.M | re.S)
COMMANDS = {
    "up", "test", "status", "verify", "reset", "class", "snapshot", "restore", "remove",
    "run", "venv", "lock", "--help"
}  # fmt: skip


def identify(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def lab_commands(document: Path) -> list[list[str]]:
    """The words of each `./lab …` line in the document's shell blocks."""
    lines = [
        line.split("#", 1)[0].strip()
        for block in FENCE.findall(document.read_text())
        for line in block.replace("\\\n", " ").splitlines()
    ]
    found = []
    for line in lines:
        words = shlex.split(line)
        while words and "=" in words[0]:
            words.pop(0)
        if words and words[0] in ("./lab", "lab"):
            found.append(words[1:])
    return found


@pytest.mark.parametrize("document", [*documents(), REPOSITORY / "CHANGELOG.md"], ids=identify)
def test_links_lead_somewhere(document: Path) -> None:
    targets = [t for t in LINK.findall(document.read_text()) if "://" not in t and t[0] != "#"]
    broken = [t for t in targets if not (document.parent / t.split("#")[0]).exists()]
    assert not broken, f"{identify(document)} links to {broken}, which do not exist"


@pytest.mark.parametrize("document", DOCUMENTS, ids=identify)
def test_commands_exist(document: Path) -> None:
    for words in lab_commands(document):
        assert words[0] in COMMANDS, f"there is no ./lab {words[0]}"
        if words[0] == "run":
            playbook = REPOSITORY / "playbooks" / f"{words[1]}.yml"
            assert playbook.exists(), f"there is no playbook {words[1]}"


def known_variables() -> set[str]:
    """All variables that a role's defaults or an inventory declare."""
    names: set[str] = set()
    for pattern in ("roles/*/defaults/main.yml", "inventories/*/group_vars/**/*.yml"):
        for path in REPOSITORY.glob(pattern):
            names |= set(yaml.safe_load(path.read_text()) or {})
    return names


@pytest.mark.parametrize("document", DOCUMENTS, ids=identify)
def test_variables_are_known(document: Path) -> None:
    known = known_variables()
    for words in lab_commands(document):
        for flag, value in itertools.pairwise(words):
            if flag != "-e":
                continue
            given = yaml.safe_load(value) if value.startswith("{") else dict([value.split("=", 1)])
            assert set(given) <= known, f"{set(given) - known} is no variable of the lab"


@pytest.mark.parametrize("playbook", sorted((REPOSITORY / "playbooks").glob("*.yml")), ids=identify)
def test_playbooks_parse(playbook: Path) -> None:
    done = subprocess.run(
        ["ansible-playbook", "--syntax-check", str(playbook)], cwd=REPOSITORY,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_playbooks_list_roles_and_nothing_else() -> None:
    for playbook in (REPOSITORY / "playbooks").glob("*.yml"):
        for play in yaml.safe_load(playbook.read_text()):
            assert not {"tasks", "pre_tasks", "post_tasks", "handlers"} & set(play), playbook.name


def test_task_files_are_short() -> None:
    long = {
        identify(path): lines
        for path in REPOSITORY.glob("roles/*/tasks/**/*.yml")
        if (lines := len(path.read_text().splitlines())) > 75
    }
    assert not long, f"over 75 lines: {long}"


def test_nothing_speaks_of_a_machine_or_a_registry() -> None:
    """No path of a home or work directory, and no URL in a lock file."""
    tracked = subprocess.run(
        ["git", "ls-files", "*.lock", "*package-lock.json", "*go.sum"], cwd=REPOSITORY,
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert tracked
    for name in tracked:
        assert "://" not in re.sub(
            r'"(?:url|funding|homepage)": "[^"]*"', "", (REPOSITORY / name).read_text()
        ), f"{name} names a host"
