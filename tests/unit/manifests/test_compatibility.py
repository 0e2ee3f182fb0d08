"""Combinations of versions that cannot work are refused, with a sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
AS_IT_IS = "as it is"
CASES: dict[str, dict[str, str]] = {
    AS_IT_IS: {},
    "2.9": {"lab_openshift_ai_version": "2.9"},
    "2.15": {"lab_openshift_ai_version": "2.15"},
    "3.0 raw": {"lab_openshift_ai_version": "3.0", "lab_serving_mode": "raw"},
    "tekton": {"lab_openshift_ai_version": "2.8"},
    "modelmesh": {"lab_openshift_ai_version": "3.0"},
    "api": {"lab_openshift_ai_version": "2.12", "lab_pipelines_api_version": "v1"},
}


def build_play(report: Path) -> list[dict[str, Any]]:
    """Return a play that asks the role about every case and writes down what it said."""
    tasks: list[dict[str, Any]] = []
    for name, variables in CASES.items():
        ask = {
            "ansible.builtin.include_role": {
                "name": "lab_compatibility",
                "tasks_from": "inventory",
            },
            "vars": variables,
        }
        said = {"said": "{{ said | default({}) | combine({name: ansible_failed_result.msg}) }}"}
        note = {"ansible.builtin.set_fact": said, "vars": {"name": name}}
        tasks.append({"block": [ask], "rescue": [note]})
    content = "{{ said | default({}) | to_json }}"
    tasks.append({"ansible.builtin.copy": {"content": content, "dest": str(report)}})
    return [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]


@cache
def ask(inventory: str) -> dict[str, str]:
    """Return what the role refused, by case, in one run of Ansible for all of them."""
    with TemporaryDirectory() as folder:
        play, report = Path(folder) / "play.yml", Path(folder) / "report.json"
        play.write_text(yaml.safe_dump(build_play(report), sort_keys=False), encoding="utf-8")
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", str(ROOT / "inventories" / inventory)),
            str(play),
        ]
        environment = {**os.environ, "ANSIBLE_ROLES_PATH": str(ROOT / "roles")}
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert report.exists(), done.stdout + done.stderr
        refusals: dict[str, str] = json.loads(report.read_text(encoding="utf-8"))
    return refusals


@pytest.mark.parametrize("inventory", ["embedded", "kubernetes", "openshift"])
def test_inventory_is_right_as_it_is(inventory: str) -> None:
    assert AS_IT_IS not in ask(inventory)


@pytest.mark.parametrize("case", ["2.9", "2.15", "3.0 raw"])
def test_combination_that_works_is_accepted(case: str) -> None:
    assert case not in ask("openshift")


@pytest.mark.parametrize(
    ("case", "found", "remedy"),
    [
        ("tekton", "OpenShift AI 2.8 ", "2.9 or newer is needed"),
        ("modelmesh", "3.0 (lab_openshift_ai_version) has no ModelMesh", "Set lab_serving_mode"),
        ("api", "OpenShift AI 2.12 ", "Set lab_pipelines_api_version to v1alpha1"),
    ],
)
def test_wrong_combination_is_refused_with_the_remedy(case: str, found: str, remedy: str) -> None:
    said = ask("openshift")[case]
    assert found in said
    assert remedy in said
