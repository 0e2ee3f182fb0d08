#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Waits until an object is as wanted in every namespace, and says why it is not."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_wait
short_description: Wait until objects are ready in every namespace
description:
  - Looks at each object in each of several namespaces, every second, until all are as wanted.
  - When the time is over it fails with a sentence about the first that is not, its cause read
    from conditions, events and pods.
  - In check mode it looks once, waits for nothing and fails for nothing.
options:
  objects:
    description: The objects, which are waited for one after the other.
    type: list
    elements: dict
    required: true
    suboptions:
      api_version:
        description: Group and version of the object.
        type: str
        required: true
      kind:
        description: Kind of the object.
        type: str
        required: true
      name:
        description: Name of the object.
        type: str
        required: true
  state:
    description:
      - C(ready) is what each kind has for it; for a Deployment or StatefulSet all pods of the
        newest template, for a Route the condition Admitted, for a Job that it has ended either way.
        What is being removed, or was stopped, is not ready.
      - C(stopped) is that nothing of the object is to run, nor runs any more.
    type: str
    choices: [ready, stopped]
    default: ready
  timeout:
    description: Seconds to wait.
    type: int
    default: 180
  step:
    description: What is being waited for, in the sentence of a failure.
    type: str
    default: ""
extends_documentation_fragment: lab_namespaces
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Wait until the workbenches run
  lab_wait:
    objects:
      - {api_version: apps/v1, kind: StatefulSet, name: notebook}
    namespaces: [mnist-1, mnist-2]
"""

RETURN = r"""
waiting:
  description: Kind, name and namespace of what was not as wanted, in check mode.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.outcome import finish
from lab_playbook.waiting import wait

NAME = {"type": "str", "required": True}
ARGUMENTS = {
    "objects": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            name: {"type": "str", "required": True} for name in ("api_version", "kind", "name")
        },
    },
    "namespaces": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "choices": ["ready", "stopped"], "default": "ready"},
    "timeout": {"type": "int", "default": 180},
    "step": {"type": "str", "default": ""},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, wait)


if __name__ == "__main__":
    main()
