"""``ansible-playbook`` in the activated environment does what the launcher does."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
# Shows what a task of the lab gets to see; the launcher runs the playbooks of playbooks/.
PLAYBOOK = """
- name: Look
  hosts: all
  gather_facts: false
  environment: "{{ lab_environment }}"
  tasks:
    - name: Look around
      ansible.builtin.shell: >-
        echo "seen $KUBECONFIG $K8S_AUTH_KUBECONFIG $(realpath "$(command -v python3)")
        $(umask) {{ lookup('ansible.builtin.env', 'LAB_CACHE', default='/var/cache/mnist-lab') }}
        {{ inventory_hostname }} {{ lab_namespace }} {{ ansible_playbook_python | realpath }}"
      changed_when: false
      register: seen
    - name: Tell
      ansible.builtin.copy:
        content: "{{ seen.stdout }}"
        dest: "{{ playbook_dir }}/seen"
        mode: "0600"
"""
NEEDED = ("ansible.cfg", "inventories", "plugins", "requirements", "roles", "site.yml", "src")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a playbook that looks, and the launcher's environment."""
    root = tmp_path_factory.mktemp("checkout")
    for name in NEEDED:
        (root / name).symlink_to(PROJECT / name)
    shutil.copytree(PROJECT / "playbooks", root / "playbooks")
    shutil.copy2(PROJECT / "lab", root / "lab")
    (root / "playbooks/look.yml").write_text(PLAYBOOK)
    subprocess.run([root / "lab", "venv", "lab"], check=True, capture_output=True, timeout=600)
    return root


def bare_environment() -> dict[str, str]:
    """What a person's shell has: nothing of the lab's."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in ("HOME", "LANG", "LC_ALL", "USER", "LAB_CACHE")
    } | {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def activated(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the activated environment."""
    return subprocess.run(
        ["/bin/sh", "-c", f". .lab/venv/bin/activate && exec {shlex.join(words)}"],
        cwd=root,
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def launched(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the launcher."""
    return subprocess.run(
        [str(root / "lab"), *words],
        env=bare_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_same_tasks_in_the_same_order(checkout: Path) -> None:
    plain = activated(checkout, "ansible-playbook", "site.yml", "--list-tasks")
    ours = launched(checkout, "up", "--list-tasks")
    assert plain.returncode == ours.returncode == 0, plain.stderr + ours.stderr
    assert plain.stdout == ours.stdout
    assert plain.stdout.count("TAGS:") > 30


def test_a_task_sees_the_same_machine(checkout: Path) -> None:
    told = checkout / "playbooks/seen"
    seen = []
    for look in (
        lambda: launched(checkout, "run", "look"),
        lambda: activated(checkout, "ansible-playbook", "playbooks/look.yml"),
    ):
        told.unlink(missing_ok=True)
        done = look()
        assert done.returncode == 0, done.stdout + done.stderr
        seen.append(told.read_text().split())
    assert seen[0] == seen[1]
    assert seen[0][1].endswith("/.lab/kubeconfig")
    assert seen[0][2] == seen[0][1]


def test_the_project_s_own_settings_and_callbacks_are_used(checkout: Path) -> None:
    plain = activated(checkout, "ansible-config", "dump", "--only-changed", "--format", "json")
    assert plain.returncode == 0, plain.stderr
    for setting in ("lab_progress", "lab_failure", "plugins/modules", "inventories/embedded"):
        assert setting in plain.stdout


def test_an_ansible_without_the_suite_s_packages_is_told_what_to_do(checkout: Path) -> None:
    shared = Path((checkout / ".lab/venv/.over").read_text().split()[0])
    done = subprocess.run(
        [shared / "bin/ansible-playbook", "playbooks/check-inventory.yml"], cwd=checkout,
        env=bare_environment(), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    told = [line for line in (done.stdout + done.stderr).splitlines() if line]
    assert len(told) == 1, told
    assert "has no lab_diagnosis, which this suite's plugins need" in told[0]
    assert ". .lab/venv/bin/activate" in told[0]
