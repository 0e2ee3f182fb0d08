"""What the kubelet complained of last: why a control plane does not come up stands nowhere else."""

from __future__ import annotations

import re
import subprocess

from embedded_cluster.layout import Layout

# The kubelet's structured log: E1124 14:18:22.045690 341 file.go:32] "what" err="why" key="value"
_ERROR = re.compile(r'\bE\d{4} [\d:.]+ +\d+ \S+\] .*?\berr="((?:[^"\\]|\\.)*)"')
# What every kubelet says until its API server answers.
_CONSEQUENCES = ("connection refused", "not found", "not yet available", "timed out waiting")
LINES = 400


def complaint(layout: Layout) -> str | None:
    """Return the last error that is not only a consequence of there being no API server yet."""
    for line in reversed(last_lines(layout)):
        error = _ERROR.search(line)
        if error and not any(word in error[1] for word in _CONSEQUENCES):
            return re.sub(r"\\+", "", error[1])
    return None


def last_lines(layout: Layout) -> list[str]:
    """The end of the log: a file under the supervisor, the journal under systemd."""
    file = layout.logs / "kubelet.log"
    if file.exists():
        return file.read_text(errors="replace").splitlines()[-LINES:]
    journal = ["journalctl", "-u", "mnist-lab-kubelet.service", "-n", str(LINES), "--no-pager"]
    try:
        return subprocess.run(
            journal, capture_output=True, text=True, check=False, timeout=20
        ).stdout.splitlines()
    except (OSError, subprocess.TimeoutExpired):
        return []
