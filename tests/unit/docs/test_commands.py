"""Every command in the documents is run by a test; those that need no cluster are run here."""

from __future__ import annotations

import tomllib
from pathlib import Path

import documents
import pytest

TABLE = documents.read_table()
KNOWN = {command.run for command in TABLE}
SUITES = tomllib.loads((documents.REPOSITORY / "tests/suites.toml").read_text())["suite"]
NAMED = {f"./lab test {suite['name']}" for suite in SUITES}


# What runs commands by itself: continuous integration, and every commit.
HOOKS = (".ci/run", ".pre-commit-config.yaml")


def is_run(name: str) -> bool:
    """Whether a suite has the file among its tests, or a hook is the file."""
    return name in HOOKS or any(Path(name).is_relative_to(suite["path"]) for suite in SUITES)


def name_of(path: Path) -> str:
    return str(path.relative_to(documents.REPOSITORY))


@pytest.mark.parametrize("document", documents.documents(), ids=name_of)
def test_every_command_of_a_document_is_run_by_a_test(document: Path) -> None:
    unknown = [line for line in documents.told_by(document) if line not in KNOWN | NAMED]
    assert not unknown, f"tests/commands.toml does not say what runs {unknown}"


def test_every_entry_of_the_table_is_in_a_document() -> None:
    told = {line for document in documents.documents() for line in documents.told_by(document)}
    assert KNOWN - told == set()
    assert len(TABLE) == len(KNOWN), "a command is listed twice"


@pytest.mark.parametrize("command", TABLE, ids=lambda command: command.run)
def test_what_is_not_run_here_says_why_and_who_runs_it(command: documents.Command) -> None:
    assert command.place in documents.PLACES
    if command.place == "elsewhere":
        assert command.why
        assert command.by
        silent = [f"{by.file} does not say {by.says}" for by in command.by if not by.says_so]
        assert not silent
        assert any(is_run(by.file) for by in command.by), "no suite runs any of these files"


@pytest.mark.parametrize("command", documents.commands_of("here"), ids=lambda c: c.run)
def test_command(command: documents.Command) -> None:
    done = documents.run_line(command.line, 120)
    assert (done.returncode != 0) == command.fails, done.stdout[-2000:]
    assert command.tells in done.stdout, done.stdout[-2000:]
