"""What is in every image, and runs before anything is installed, imports no package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[3] / "src"
# These are for controllers and for the tools of a machine that has the packages.
HEAVY = {
    "lab_ground.kubernetes.client",
    "lab_ground.kubernetes.events",
    "lab_ground.kubernetes.informer",
    "lab_ground.kubernetes.reconciler",
    "lab_ground.kubernetes.transport",
    "lab_ground.kubernetes.watching",
    "lab_ground.passwords",
    "lab_ground.sealing",
    "lab_ground.web",
}
IMPORTING = """
import importlib, sys
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(loaded - set(sys.stdlib_module_names) - {"lab_ground"}))
"""


def modules() -> list[str]:
    found = []
    for path in sorted((SOURCES / "lab_ground").rglob("*.py")):
        parts = path.relative_to(SOURCES).with_suffix("").parts
        found.append(".".join(part for part in parts if part != "__init__"))
    return found


def test_the_light_modules_need_no_package() -> None:
    names = [name for name in modules() if name not in HEAVY]
    assert len(names) > 15
    done = subprocess.run(
        [sys.executable, "-c", IMPORTING, *names],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
