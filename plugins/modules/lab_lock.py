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

import contextlib
import fcntl
import json
import os
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from lab_ground.processes import start_time


def holder(path):
    """Return the number of the living process that holds the lock, or 0."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        pid, started = int(entry["pid"]), int(entry["started"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return pid if start_time(pid) == started else 0


@contextlib.contextmanager
def locked(path):
    """Open the lock file for one process at a time; yield it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                same = os.fstat(file.fileno()).st_ino == path.stat().st_ino
            except FileNotFoundError:
                same = False
            # Otherwise it was given back, and removed, while this one waited for it.
            if same:
                yield file
                return


def take(path, pid):
    """Write the lock for ``pid``; return False where another was faster.

    Whether it is stale is asked under the file's own lock: of two that find a stale one at once,
    the second finds the first one's.
    """
    with locked(path) as file:
        if holder(path):
            return False
        file.truncate(0)
        file.write(json.dumps({"pid": pid, "started": start_time(pid)}))
    return True


def give_back(path, pid):
    """Remove the lock where ``pid`` holds it."""
    if holder(path) == pid:
        with locked(path):
            if holder(path) == pid:
                path.unlink()


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
        if not module.check_mode:
            give_back(path, pid)
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
