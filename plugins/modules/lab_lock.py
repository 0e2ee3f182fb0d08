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

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.lock import hold
from lab_playbook.outcome import finish

ARGUMENTS = {
    "path": {"type": "path", "required": True},
    "pid": {"type": "int", "required": True},
    "state": {"type": "str", "default": "held", "choices": ["held", "free"]},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, hold)


if __name__ == "__main__":
    main()
