#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Waits until the model is served in every seat, and says why it is not."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_model_wait
short_description: Wait until a model is served in every namespace
description:
  - Looks at an InferenceService in each of several namespaces, every second, until each is up to
    date or has failed.
  - Fails with a sentence about the first that cannot be served, or that was not in time. A model
    whose server tries again (its store was just starting, say) has 20 seconds to be well.
  - A status that says of which generation it is must be of the present one. ModelMesh may not say
    it; KServe's RawDeployment says its Deployment's.
options:
  name:
    description: Name of the InferenceService.
    type: str
    required: true
  raw:
    description: Whether each model has a Deployment of its own.
    type: bool
    default: false
  timeout:
    description: Seconds until all must be served.
    type: int
    default: 240
extends_documentation_fragment: lab_namespaces
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Wait until the model is served
  lab_model_wait:
    name: mnist
    namespaces: [mnist-1, mnist-2]
"""

RETURN = r"""
seconds:
  description: How long it took.
  type: float
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.model_waiting import wait
from lab_playbook.outcome import finish

ARGUMENTS = {
    "name": {"type": "str", "required": True},
    "namespaces": {"type": "list", "elements": "str", "required": True},
    "raw": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 240},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, wait)


if __name__ == "__main__":
    main()
