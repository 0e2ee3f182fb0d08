#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Reads objects of several seats, each in its own namespace."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_read
short_description: Read objects of a kind in several namespaces
description:
  - Reads in each namespace by itself, so that rights in the seats are enough.
  - A kind that the cluster does not know has no objects.
  - In check mode a cluster that is not there yet has none either.
options:
  api_version:
    description: Group and version of the objects.
    type: str
    required: true
  kind:
    description: Kind of the objects.
    type: str
    required: true
  name:
    description: Name of the objects; of any name where it is empty.
    type: str
    default: ""
  label_selector:
    description: Labels of the objects, as C(key=value,other=value).
    type: str
    default: ""
extends_documentation_fragment: lab_namespaces
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Read the workbenches that are there
  lab_read:
    api_version: kubeflow.org/v1
    kind: Notebook
    name: notebook
    namespaces: [mnist-1, mnist-2]
"""

RETURN = r"""
resources:
  description: The objects.
  type: list
  elements: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.outcome import finish
from lab_playbook.reading import read

ARGUMENTS = {
    "api_version": {"type": "str", "required": True},
    "kind": {"type": "str", "required": True},
    "namespaces": {"type": "list", "elements": "str", "required": True},
    "name": {"type": "str", "default": ""},
    "label_selector": {"type": "str", "default": ""},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, read)


if __name__ == "__main__":
    main()
