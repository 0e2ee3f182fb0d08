#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Installs the resource definitions of a version of OpenShift AI."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_kinds
short_description: Install the resource definitions of a version of OpenShift AI
description:
  - Replaces the definitions that differ from the version's, leaves the others alone, and waits
    until the API server serves all of them.
  - In check mode a cluster that is not there yet has none of them.
options:
  version:
    description: The version of OpenShift AI.
    type: str
    required: true
  timeout:
    description: Seconds to wait until the API server serves the kinds.
    type: int
    default: 60
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Install the custom resource definitions
  lab_kinds:
    version: "2.25"
"""

RETURN = r"""
kinds:
  description: Names of the definitions that were written.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.kinds import install
from lab_playbook.outcome import finish

ARGUMENTS = {
    "version": {"type": "str", "required": True},
    "timeout": {"type": "int", "default": 60},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, install)


if __name__ == "__main__":
    main()
