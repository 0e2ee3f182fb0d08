"""The launcher, run and timed."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

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
