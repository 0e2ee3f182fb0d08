"""The launcher, run and timed, and what it says of its changes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]


def run_lab(*arguments: str) -> tuple[float, str]:
    """Run the launcher; return the seconds it took and what it printed.

    Raises:
        subprocess.CalledProcessError: it failed; its output is shown.
    """
    began = time.monotonic()
    done = subprocess.run(
        ["./lab", *arguments], cwd=REPOSITORY, text=True, capture_output=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-2000:])
        done.check_returncode()
    return time.monotonic() - began, done.stdout


def python_of(name: str) -> str:
    """The Python of an environment: the one that the machine's variable names, else the launcher's.

    Raises:
        subprocess.CalledProcessError: the environment cannot be made.
    """
    if given := os.environ.get(f"LAB_{name.upper()}_PYTHON"):
        return given
    made = subprocess.run(
        [REPOSITORY / "lab", "venv", name],
        stdout=subprocess.PIPE, text=True, check=True, timeout=900,
    )  # fmt: skip
    return str(Path(made.stdout.split()[-1]) / "bin" / "python")


def run_playbook(
    playbook: str, variables: Mapping[str, Any], *options: str, timeout: float = 400
) -> tuple[int, int, str]:
    """Run a playbook; exit status, changed tasks (-1 where there is no recap), output."""
    done = subprocess.run(
        ["./lab", "run", playbook, "-e", json.dumps(variables), *options],
        cwd=REPOSITORY,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    changed = re.search(r"changed=(\d+)", done.stdout)
    return done.returncode, int(changed[1]) if changed else -1, done.stdout + done.stderr


def count_changes(output: str) -> int:
    """Return the sum of the recap's changes."""
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", output))
