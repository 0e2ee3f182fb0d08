#!/usr/bin/python
"""Make the accounts of the class's learners that are not there, as they were."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_learners
short_description: Make the accounts of the class's learners that are not there, as they were
description:
  - Gives the learners of the list of seats their accounts and rights, where a cluster was made
    anew, with the passwords whose hashes the checkout keeps.
  - Whose password nobody keeps gets no account, and is named.
options:
  namespaces:
    description: The seats that are looked at.
    type: list
    elements: str
    required: true
  state:
    description: Directory of this checkout's state.
    type: path
    required: true
  own_users:
    description: Whether the cluster has users of its own, who are bound by their names.
    type: bool
    default: false
author:
  - The MNIST lab suite
"""

EXAMPLES = r"""
- name: Give the learners their accounts
  lab_learners:
    namespaces: [mnist-1, mnist-2]
    state: .lab
"""

RETURN = r"""
restored:
  description: The learners that were given an account.
  type: list
  returned: always
unknown:
  description: The learners that have none, since no password of theirs is kept.
  type: list
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.learners import restore
from lab_playbook.outcome import finish

ARGUMENTS = {
    "namespaces": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "path", "required": True},
    "own_users": {"type": "bool", "default": False},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, restore)


if __name__ == "__main__":
    main()
