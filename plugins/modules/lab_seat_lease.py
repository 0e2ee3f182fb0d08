#!/usr/bin/python
"""Keep other resets away from seats for the length of a playbook run."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lab_seat_lease
short_description: Hold the Leases of seats for the length of a playbook run
description:
  - Takes (C(state=held)) or gives back (C(state=free)) the Lease C(lab-reset) of each namespace
    for the process I(pid), which is the playbook's own.
  - A process of its own keeps them for as long as I(pid) and what it started live, and gives
    them back when they have ended, in whatever way. Where that process was killed too they end
    by themselves after 15 seconds.
  - In check mode it touches nothing and waits for nobody.
options:
  namespaces:
    description: The seats' namespaces.
    type: list
    elements: str
    required: true
  namespace_labels:
    description:
      - Labels by which a lab's namespace is known. Nothing is touched unless each of
        I(namespaces) carries all of them.
    type: dict
    required: true
  pid:
    description: Number of the process that holds the Leases.
    type: int
    required: true
  state:
    description: Whether to hold the Leases or to give them back.
    type: str
    choices: [held, free]
    default: held
  timeout:
    description: Seconds to wait for another reset of the seats to end.
    type: int
    default: 900
  kubeconfig:
    description: Path of the kubeconfig; the environment's when left out.
    type: path
author:
  - The MNIST lab suite
"""

EXAMPLES = r"""
- name: Keep other resets out
  lab_seat_lease:
    namespaces: [mnist-3]
    namespace_labels: {app.kubernetes.io/part-of: mnist-lab}
    pid: 1234
"""

RETURN = r"""
identity:
  description: By what name the Leases are held.
  type: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.outcome import finish
from lab_playbook.seat_lease import lease_seats

ARGUMENTS = {
    "namespaces": {"type": "list", "elements": "str", "required": True},
    "namespace_labels": {"type": "dict", "required": True},
    "pid": {"type": "int", "required": True},
    "state": {"type": "str", "default": "held", "choices": ["held", "free"]},
    "timeout": {"type": "int", "default": 900},
    "kubeconfig": {"type": "path"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, lease_seats)


if __name__ == "__main__":
    main()
