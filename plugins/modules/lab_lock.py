#!/usr/bin/python
"""A lock file that ends with the process that holds it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_lock
short_description: Hold a lock file for the length of a playbook run
description:
  - Takes (C(state=held)) or gives back (C(state=free)) a lock for the process I(pid).
  - A lock whose process has ended, or whose number now belongs to another process, counts as
    free, so that a killed run never blocks the next one.
options:
  path:
    description: The lock file.
    type: path
    required: true
  pid:
    description: Number of the process that holds the lock.
    type: int
    required: true
  state:
    description: Whether to hold the lock or to give it back.
    type: str
    choices: [held, free]
    default: held
author:
  - The MNIST lab suite
"""

EXAMPLES = r"""
- name: Keep other nightly runs out
  lab_lock:
    path: /run/mnist-lab-nightly.lock
    pid: 1234
"""

RETURN = r"""
holder:
  description: Number of the process that holds the lock now, or 0.
  type: int
  returned: always
"""

import json
import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule


def start_time(pid):
    """Return a process's start in clock ticks since boot, or None where it has ended.

    Source: proc(5), /proc/PID/stat field 22. With the number it names a process for good.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    # The command in parentheses may hold spaces: count from the last parenthesis.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[19])


def holder(path):
    """Return the number of the living process that holds the lock, or 0."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        pid, started = int(entry["pid"]), int(entry["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return pid if start_time(pid) == started else 0


def take(path, pid):
    """Write the lock for ``pid``; return False where another was faster.

    The file is made under a name of its own and linked into place, which fails if the lock
    exists: there is never a half-written lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f".{path.name}.{pid}")
    own.write_text(json.dumps({"pid": pid, "started": start_time(pid)}), encoding="utf-8")
    try:
        if path.exists() and not holder(path):
            path.unlink(missing_ok=True)
        os.link(own, path)
    except FileExistsError:
        return False
    finally:
        own.unlink(missing_ok=True)
    return True


def main():
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "pid": {"type": "int", "required": True},
            "state": {"type": "str", "default": "held", "choices": ["held", "free"]},
        },
        supports_check_mode=True,
    )
    path, pid = Path(module.params["path"]), module.params["pid"]
    if start_time(pid) is None:
        module.fail_json(msg=f"there is no process {pid} that could hold {path}")
    present = holder(path)
    if module.params["state"] == "free":
        if present == pid and not module.check_mode:
            path.unlink(missing_ok=True)
        module.exit_json(changed=present == pid, holder=0 if present == pid else present)
    if present == pid:
        module.exit_json(changed=False, holder=pid)
    if present or (not module.check_mode and not take(path, pid)):
        module.fail_json(
            msg=f"process {present or holder(path)} holds {path}: another run is under way; "
            "wait for it to end"
        )
    module.exit_json(changed=True, holder=pid)


if __name__ == "__main__":
    main()
