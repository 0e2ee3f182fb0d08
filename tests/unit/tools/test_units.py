"""systemd accepts the units that are written where PID 1 is systemd."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment, StrictUndefined

REPOSITORY = Path(__file__).resolve().parents[3]
TEMPLATES = sorted(REPOSITORY.glob("roles/*/templates/*.service.j2")) + sorted(
    REPOSITORY.glob("roles/*/templates/*.timer.j2")
)


def render(template: Path, root: Path) -> Path:
    """A unit as the role writes it, and beside it the programs and units that it names."""
    role = template.parents[1]
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text()) or {}
    plain = {name: value for name, value in defaults.items() if "{{" not in str(value)}
    names = {"ansible_managed": "made by the suite", "lab_nightly_directory": "/srv/lab", **plain}
    text = (
        Environment(undefined=StrictUndefined, autoescape=False)
        .from_string(template.read_text())
        .render(names)
    )
    unit = root / "etc/systemd/system" / template.stem
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text(text + "\n")
    for program in re.findall(r"^ExecStart=-?(\S+)", text, re.MULTILINE):
        path = root / program.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    return unit


def test_there_are_units_to_check() -> None:
    assert {template.stem for template in TEMPLATES} >= {
        "mnist-lab-containerd.service",
        "mnist-lab-kubelet.service",
        "mnist-lab-nightly.service",
        "mnist-lab-nightly.timer",
        "mnist-lab-snapshots.service",
    }


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_unit_is_accepted(template: Path, tmp_path: Path) -> None:
    units = [render(other, tmp_path) for other in TEMPLATES]
    unit = next(unit for unit in units if unit.name == template.stem)
    for name in ("multi-user", "network", "network-online", "local-fs", "timers", "basic",
                 "sysinit", "shutdown"):  # fmt: skip
        (unit.parent / f"{name}.target").write_text(f"[Unit]\nDescription={name}\n")
    done = subprocess.run(
        ["systemd-analyze", f"--root={tmp_path}", "verify", "--man=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
