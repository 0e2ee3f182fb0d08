"""The commands of the documents that need a lab, run as a learner or an instructor types them.

The lab is the same afterwards: what changes it is named, with who runs it, in tests/commands.toml.
"""

from __future__ import annotations

import os
import shlex

import documents
import pytest

pytestmark = pytest.mark.lab
EMBEDDED = str(documents.REPOSITORY / ".lab/kubeconfig")


@pytest.fixture
def kubeconfig() -> str:
    """The cluster of the lab, as the README has people name it."""
    embedded = os.environ.get("LAB_INVENTORY", "embedded") == "embedded"
    return EMBEDDED if embedded else os.environ["KUBECONFIG"]


@pytest.mark.parametrize("command", documents.commands_of("lab"), ids=lambda c: c.run)
def test_command(command: documents.Command, kubeconfig: str) -> None:
    done = documents.run_line(command.line, 240, KUBECONFIG=kubeconfig)
    assert done.returncode == 0, done.stdout[-2000:]
    assert command.tells in done.stdout, done.stdout[-2000:]


@pytest.mark.parametrize("command", documents.commands_of("workbench"), ids=lambda c: c.run)
def test_command_in_the_workbench(command: documents.Command, kubeconfig: str) -> None:
    """In the terminal that JupyterLab offers; in a directory of its own, which goes again."""
    script = f'cd "$(mktemp -d)" && {command.line} && ls && rm -rf "$PWD"'
    shell = ["oc", "-n", "mnist", "exec", "notebook-0", "-c", "notebook", "--", "sh", "-euc"]
    done = documents.run_line(shlex.join([*shell, script]), 60, KUBECONFIG=kubeconfig)
    assert done.returncode == 0, done.stdout[-2000:]
    assert command.tells in done.stdout
