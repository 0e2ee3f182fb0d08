"""The page's own JavaScript tests, by Node's test runner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parents[3] / "web"
# The environment brings its own Node, so that none has to be on the machine.
NODE = Path(sys.executable).with_name("node")


def test_the_page_script() -> None:
    done = subprocess.run(
        [NODE, "--test", *map(str, sorted((WEB / "test").glob("*.test.mjs")))],
        cwd=WEB, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    assert "# pass 0" not in done.stdout
