"""The instructor's package index and its authority, as the roles take and refuse them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
PEM = "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n"
INDEX = ("lab_project", "lab_pip_index_url")
AUTHORITY = ("platform_operators", "lab_pip_index_ca")
# Role and variable, value ({folder} is one of the test's), and what is refused of it.
CASES = {
    "none": (*INDEX, "", ""),
    "an index": (*INDEX, "https://index.example/simple", ""),
    "a port and a token": (*INDEX, "https://me:token@index.example:8443/root/pypi/+simple/", ""),
    "a host alone": (*INDEX, "https://index.example", ""),
    "no scheme": (*INDEX, "index.example/simple", '"index.example/simple"'),
    "not encrypted": (*INDEX, "http://me:hunter22@index.example/simple", "unencrypted"),
    "a space": (*INDEX, "https://index.example/sim ple", "https://HOST/simple"),
    "an authority": (*AUTHORITY, "{folder}/own.crt", ""),
    "no file": (*AUTHORITY, "{folder}/nothing.crt", "nothing.crt does not exist"),
    "no certificate": (*AUTHORITY, "{folder}/words.crt", "holds no certificate"),
    "too large": (*AUTHORITY, "{folder}/large.crt", "larger than a ConfigMap may be"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the roles refused, by case; in one run of Ansible."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "machine.crt").write_text(PEM.format("machine"))
    (folder / "own.crt").write_text(PEM.format("own"))
    (folder / "words.crt").write_text("no certificate\n")
    (folder / "large.crt").write_text(PEM.format("x" * 900_000))
    tasks: list[dict[str, Any]] = []
    for name, (role, variable, value, _) in CASES.items():
        given = {
            variable: value.format(folder=folder),
            "platform_operators_trusted_bundle": f"{folder}/machine.crt",
        }
        ask = {"name": role, "tasks_from": "check"}
        said = {"said": "{{ said | default({}) | combine({case: failure}) }}"}
        failure = "{{ ansible_failed_result.msg }}"
        tasks.append(
            {
                "block": [{"ansible.builtin.include_role": ask}],
                "rescue": [
                    {"ansible.builtin.set_fact": said, "vars": {"case": name, "failure": failure}}
                ],
                "vars": given,
            }
        )
    content = "{{ said | default({}) | to_json }}"
    tasks.append({"ansible.builtin.copy": {"content": content, "dest": f"{folder}/said.json"}})
    play = folder / "play.yml"
    here = {"hosts": "localhost", "gather_facts": False}
    play.write_text(yaml.safe_dump([{**here, "tasks": tasks}]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "inventories/kubernetes", play],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_ROLES_PATH": str(ROOT / "roles")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    refused: dict[str, str] = json.loads((folder / "said.json").read_text())
    return refused


@pytest.mark.parametrize("name", CASES)
def test_what_is_refused_is_told_with_the_value(told: dict[str, str], name: str) -> None:
    words = CASES[name][3]
    if not words:
        assert name not in told, told[name]
    else:
        assert words in told[name]
        assert CASES[name][1] in told[name]
        assert "hunter22" not in told[name]
