"""The command: its exit code, its last line, its help."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lab_status import __main__ as command
from lab_status.look import Kubectl, read_tables, token_births
from lab_status.sections import Snapshot

from .conftest import access, without


@pytest.fixture
def status(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> Any:
    """Run the command on a lab; returns its exit code and what it printed."""
    state = tmp_path / ".lab"
    state.mkdir()
    (state / "access.json").write_text(json.dumps(access()))
    (state / "access-broken.json").write_text("{")
    monkeypatch.setattr(command, "project_directory", lambda: tmp_path)
    monkeypatch.setattr(command, "find_kubectl", lambda *_words: None)

    def run(found: Snapshot) -> tuple[int, list[str]]:
        monkeypatch.setattr(command, "look", lambda *_words: found)
        code = command.main([])
        return code, capsys.readouterr().out.splitlines()

    return run


def test_whole_lab(status: Any, whole: Snapshot) -> None:
    code, lines = status(whole)
    assert (code, lines[-1]) == (0, "Everything is up.")


def test_reset_lab_is_a_state_and_no_fault(status: Any, cleanly_reset: Snapshot) -> None:
    code, lines = status(cleanly_reset)
    assert code == 0
    assert lines[-1] == "What is made is up; the lines that say none are not made yet."


def test_broken_lab(status: Any, whole: Snapshot) -> None:
    code, lines = status(without(whole, "Service/mnist-function"))
    assert (code, lines[-1]) == (1, "1 part is down: see the lines that say DOWN.")


def test_cluster_that_does_not_answer(status: Any, whole: Snapshot) -> None:
    code, lines = status(replace(whole, problem="the API server did not answer in time"))
    assert code == 1
    assert "  DOWN  cluster: the API server did not answer in time" in lines


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    assert "exit code: 0 when nothing is down" in capsys.readouterr().out


def test_wrong_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["everything"])
    assert ended.value.code == 2
    assert "unrecognized arguments: everything" in capsys.readouterr().err


def test_each_seats_access_file_is_read_and_a_broken_one_skipped(tmp_path: Path) -> None:
    for name, text in (
        ("access.json", json.dumps(access("mnist-1"))),
        ("access-mnist-1.json", json.dumps(access("mnist-1"))),
        ("access-mnist-2.json", json.dumps(access("mnist-2"))),
        ("access-mnist-3.json", "{"),
    ):
        (tmp_path / name).write_text(text)
    assert {table["namespace"] for table in read_tables(tmp_path)} == {"mnist-1", "mnist-2"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("E1124 memcache.go\nerror: you must be logged in", "you must be logged in"),
        ("x509: certificate signed by unknown authority", "the kubeconfig is of another cluster"),
        ("", "kubectl failed"),
    ],
)
def test_refused_question_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, told: str
) -> None:
    def refuse(*_words: object, **_more: object) -> None:
        raise subprocess.CalledProcessError(1, "kubectl", stderr=said)

    monkeypatch.setattr(subprocess, "run", refuse)
    items, why = Kubectl("kubectl", tmp_path).list_all(["nodes"])
    assert items == []
    assert why.startswith(told)


KUBECTL = """#!/bin/sh
shift 2  # --kubeconfig, --request-timeout
case "$*" in
    "get secrets "*" -n seat-"*) echo "${*##* }/model-mesh 2026-01-02T03:04:05Z" ;;
    "get pods,notebooks -n seat-"*) echo '{"items": [{"kind": "Pod", "seat": "'$4'"}]}' ;;
    "get nodes -o json") echo '{"items": [{"kind": "Node"}]}' ;;
    *-A*) echo 'Error from server (Forbidden): pods is forbidden' >&2; exit 1 ;;
    *) echo "not expected: $*" >&2; exit 1 ;;
esac
"""


def test_who_may_look_into_seats_only_is_told_of_the_seats(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL)
    program.chmod(0o755)
    kubectl = Kubectl(str(program), tmp_path)
    kinds = ["pods", "nodes", "notebooks"]
    items, why = kubectl.list_all(kinds, ["seat-1", "seat-2"])
    assert why == ""
    assert items == [
        {"kind": "Node"}, {"kind": "Pod", "seat": "seat-1"}, {"kind": "Pod", "seat": "seat-2"},
    ]  # fmt: skip
    born = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert token_births(kubectl, ["seat-1", "other", "seat-2"]) == {
        "seat-1/model-mesh": born,
        "seat-2/model-mesh": born,
    }
    # Without seats there is nothing to fall back to, and a seat that is refused is told.
    assert "is forbidden" in kubectl.list_all(kinds)[1]
    assert "not expected" in kubectl.list_all(kinds, ["other"])[1]
