"""Combinations of versions that cannot work are refused, with a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: lab_compatibility
        tasks_from: inventory
"""


def check(tmp_path: Path, inventory: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the role's check of the inventory."""
    play = tmp_path / "play.yml"
    play.write_text(PLAY, encoding="utf-8")
    command = [
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("-i", str(ROOT / "inventories" / inventory)),
        *("-e", json.dumps(variables)),
        str(play),
    ]
    environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(ROOT / "roles"), "COLUMNS": "1000"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("inventory", ["embedded", "kubernetes", "openshift"])
def test_inventories_are_right_as_they_are(tmp_path: Path, inventory: str) -> None:
    result = check(tmp_path, inventory)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("version", ["2.9", "2.15", "2.16"])
def test_each_version_of_openshift_ai_with_modelmesh(tmp_path: Path, version: str) -> None:
    result = check(tmp_path, "openshift", lab_openshift_ai_version=version)
    assert result.returncode == 0, result.stdout


def test_version_3_without_modelmesh(tmp_path: Path) -> None:
    result = check(tmp_path, "openshift", lab_openshift_ai_version="3.0", lab_serving_mode="raw")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("variables", "found", "remedy"),
    [
        ({"lab_openshift_ai_version": "2.8"}, "2.8", "2.9 or newer is needed"),
        ({"lab_openshift_ai_version": "3.0"}, "has no ModelMesh", "Set lab_serving_mode to raw"),
        (
            {"lab_openshift_ai_version": "2.12", "lab_pipelines_api_version": "v1"},
            "2.12",
            "Set lab_pipelines_api_version to v1alpha1",
        ),
    ],
    ids=["tekton", "modelmesh", "api"],
)
def test_wrong_combination_is_refused_with_the_remedy(
    tmp_path: Path, variables: dict[str, str], found: str, remedy: str
) -> None:
    result = check(tmp_path, "openshift", **variables)
    assert result.returncode != 0
    said = " ".join(result.stdout.split() + result.stderr.split())
    assert found in said
    assert remedy in said
