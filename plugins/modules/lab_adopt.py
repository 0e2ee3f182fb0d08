#!/usr/bin/python
"""Take over from a cluster what this checkout lacks to work with it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_adopt
short_description: Take over from a cluster what this checkout lacks to work with it
description:
  - Writes the administrator's kubeconfig, where the cluster is this machine's own, the certificate
    of the authority that signs the Routes, and the list of the class's seats.
  - What is as it should be stays untouched. A cluster that does not answer changes nothing.
options:
  kubeconfig:
    description:
      - Path of the kubeconfig. Only the checkout's own, C(kubeconfig) in O(state), is written;
        another one is somebody's with rights of their own.
    type: str
    required: true
  own_machine:
    description: Whether the cluster is this machine's own, whose kubeconfig is taken.
    type: bool
    default: false
  state:
    description: Directory of this checkout's state.
    type: path
    required: true
  ca_certificate:
    description: Where the authority's certificate is kept; empty where it is not kept.
    type: str
    default: ""
author:
  - The MNIST lab suite
"""

EXAMPLES = r"""
- name: Take over what another checkout made
  lab_adopt:
    kubeconfig: .lab/kubeconfig
    own_machine: true
    state: .lab
    ca_certificate: .lab/ca.crt
"""

RETURN = r"""
adopted:
  description: The files that were written.
  type: list
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.adopting import adopt
from lab_playbook.outcome import finish

ARGUMENTS = {
    "kubeconfig": {"type": "str", "required": True},
    "own_machine": {"type": "bool", "default": False},
    "state": {"type": "path", "required": True},
    "ca_certificate": {"type": "str", "default": ""},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, adopt)


if __name__ == "__main__":
    main()
