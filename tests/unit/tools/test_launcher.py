"""The launcher answers at once and says what is wrong in a sentence."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]


def lab(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher."""
    return subprocess.run(
        [str(PROJECT / "lab"), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )


def test_help_names_every_command() -> None:
    told = lab("--help").stdout
    commands = ("up", "test", "status", "verify", "reset", "snapshot", "restore", "remove", "run")
    for command in commands:
        assert f"\n  {command} " in told


@pytest.mark.parametrize(("words", "told"), [
    (["fly"], 'no command "fly"'),
    (["run"], "needs the name of a playbook"),
    (["run", "no-such"], 'no playbook "no-such"'),
    (["venv"], "lab: venv needs the name of an environment"),
    (["venv", "no-such"], 'no environment "no-such"'),
    (["reset", "--seat"], "lab: --seat needs"),
    (["reset", "--to"], "lab: --to needs a step"),
    (["reset", "--to", "no-such"], 'no step "no-such"'),
    (["reset", "--check", "--diff", "--seat", "X"], 'lab: no seat is called "X"'),
    (["reset", "--diff", "--to", "trianed", "--check"], '"trained" is like it'),
    (["up", "--chekc"], 'no option "--chekc"; "--check" is like it'),
    (["up", "twice"], 'does not know what to do with "twice"'),
    (["run", "-e", "lab_seats=mnist-x", "prepare-lab"], """-e '{"lab_seats": ["mnist-x"]}'"""),
    (["status", "no-such"], "unrecognized arguments: no-such"),
    (["snapshot", "no-such"], "unrecognized arguments: no-such"),
    (["restore", "no", "such"], "unrecognized arguments: such"),
    (["remove", "no-such"], "unrecognized arguments: no-such"),
    (["test", "no-such"], "no suite no-such"),
    (["verify", "no-such"], "no check no-such"),
])  # fmt: skip
def test_a_wrong_call_is_explained(words: list[str], told: str) -> None:
    done = lab(*words)
    assert done.returncode != 0
    assert told in done.stderr


@pytest.mark.parametrize(("environment", "told"), [
    ({"LAB_INVENTORY": "foo"}, 'no inventory "foo" (LAB_INVENTORY)'),
    ({"LAB_INVENTRY": "openshift"}, '"LAB_INVENTORY" is like it'),
    ({"LAB_INVENTORY": "openshift", "KUBECONFIG": "/nowhere"}, "no kubeconfig at /nowhere"),
    ({"LAB_PYTHON": "/bin/true-or-not"}, "LAB_PYTHON is /bin/true-or-not"),
])  # fmt: skip
def test_a_wrong_environment_is_explained(environment: dict[str, str], told: str) -> None:
    done = lab("run", "prepare-lab", **environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


# A cluster that is not there: from the machine's own, this checkout would take over its class.
NOWHERE = """
apiVersion: v1
kind: Config
clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: a, user: {}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
current-context: a
"""


@pytest.mark.parametrize("words", [("test", "--list"), ("status",)])
def test_who_stops_reading_sees_no_traceback(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "kubeconfig").write_text(NOWHERE)
    elsewhere = {"LAB_INVENTORY": "kubernetes", "KUBECONFIG": str(tmp_path / "kubeconfig")}
    with subprocess.Popen(
        [str(PROJECT / "lab"), *words],
        env={**os.environ, **elsewhere},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert said == ""


@pytest.mark.parametrize(
    "command",
    ["up", "test", "status", "verify", "reset", "snapshot", "restore", "remove", "run", "venv",
     "lock"],
)  # fmt: skip
def test_every_command_explains_itself(command: str) -> None:
    done = lab(command, "--help")
    assert done.returncode == 0
    assert "usage: ./lab" in done.stdout.lower()


def test_an_interpreter_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    text = (PROJECT / "lab").read_text().replace("/usr/bin/python3", "/nowhere/python3")
    launcher = tmp_path / "lab"
    launcher.write_text(text)
    done = subprocess.run(
        ["/bin/sh", str(launcher), "status"],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "LAB_PYTHON": str(old)}
        | {"LAB_CACHE": str(tmp_path)},
    )
    # The system's python3 stands behind ours on the path only under its own name.
    assert done.returncode == 2
    assert "Python 3.11 or newer" in done.stderr


def test_a_second_call_makes_nothing_anew() -> None:
    lab("venv", "test")
    link = PROJECT / ".lab/venv-test"
    before = link.lstat().st_mtime_ns, (link / ".over").stat().st_mtime_ns
    done = lab("venv", "test")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(link), "")
    after = link.lstat().st_mtime_ns, (link / ".over").stat().st_mtime_ns
    assert after == before


def test_state_is_private() -> None:
    lab("venv", "test")
    assert (PROJECT / ".lab").stat().st_mode & 0o777 == 0o700
