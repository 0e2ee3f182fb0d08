"""The strategy of ansible.cfg: one Python for a run's tasks, and nothing else of them changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# Looks at itself: whose child it is, which processors it may use, and what it was given.
MODULE = """
import json, os
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={"secret": {"type": "str", "no_log": True}})
with open("/proc/self/stat") as file:
    parent = int(file.read().rpartition(")")[2].split()[1])
module.exit_json(parent=parent, cores=sorted(os.sched_getaffinity(0)), given=os.environ["GIVEN"])
"""
PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - {name: First, look: {secret: planted}, environment: {GIVEN: one}, register: first}
    - {name: Second, look: {}, environment: {GIVEN: two}, register: second}
    - {name: Start what outlives the run, ansible.builtin.shell: "setsid sleep 60 & echo $!",
       register: started}
    - name: Tell
      ansible.builtin.copy:
        dest: "{{ told }}"
        content: "{{ {'first': first, 'second': second, 'started': started.stdout} | to_json }}"
"""


# The library stands in the environment; a name that is taken by nothing is not found there.
WITHOUT = (
    "import sys; sys.modules.update(mitogen=None, ansible_mitogen=None); "
    "from ansible.cli.playbook import main; main()"
)


def run(folder: Path, *start: str | Path) -> dict[str, dict[str, object]]:
    """What the tasks say; ``start`` begins a playbook."""
    (folder / "library").mkdir()
    (folder / "library/look.py").write_text("#!/usr/bin/python\n" + MODULE)
    (folder / "play.yml").write_text(PLAYBOOK)
    told = folder / "told.json"
    done = subprocess.run(
        [*(start or [Path(sys.executable).parent / "ansible-playbook"]),
         "-c", "local", "-i", "localhost,", "-M", folder / "library", "-e", f"told={told}",
         folder / "play.yml"],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_PYTHON_INTERPRETER": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "planted" not in done.stdout + done.stderr
    result: dict[str, dict[str, object]] = json.loads(told.read_text())
    return result


def test_tasks_are_forks_of_one_process_which_ends_before_what_they_start(tmp_path: Path) -> None:
    told = run(tmp_path)
    process = int(str(told["started"]))
    assert Path(f"/proc/{process}/cmdline").read_bytes() == b"sleep\x0060\x00"
    os.kill(process, 15)
    assert told["first"]["parent"] == told["second"]["parent"]
    assert not Path(f"/proc/{told['first']['parent']}").exists()
    assert told["first"]["cores"] == sorted(os.sched_getaffinity(0))
    assert [told[name]["given"] for name in ("first", "second")] == ["one", "two"]


def test_without_the_library_it_is_ansibles_own(tmp_path: Path) -> None:
    told = run(tmp_path, sys.executable, "-c", WITHOUT)
    assert told["first"]["parent"] != told["second"]["parent"]
    assert [told[name]["given"] for name in ("first", "second")] == ["one", "two"]
