#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Reads the SHA-256 of the model in each seat's bucket."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_model_checksums
short_description: Read the SHA-256 of the model in each seat's bucket
description:
  - Reads the model of each namespace and computes its SHA-256.
  - A model, a bucket or a data connection that is not there is no failure; its checksum is empty.
options:
  url:
    description: Address of the object store; C({namespace}) is replaced.
    type: str
    required: true
  namespaces:
    description: Namespaces of the data connections.
    type: list
    elements: str
    required: true
  key:
    description: Key of the model.
    type: str
    required: true
extends_documentation_fragment: lab_connection
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Read which models are in the buckets
  lab_model_checksums:
    url: https://minio-ds-pipeline-{namespace}.apps.example.com
    namespaces: [mnist-1, mnist-2]
    key: onnx/model-v2.onnx
"""

RETURN = r"""
checksums:
  description: SHA-256 of each namespace's model, empty where there is none.
  type: dict
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.buckets import CONNECTION_ARGUMENTS
from lab_playbook.models import read_checksums
from lab_playbook.outcome import finish

ARGUMENTS = {
    "url": {"type": "str", "required": True},
    "namespaces": {"type": "list", "elements": "str", "required": True},
    **CONNECTION_ARGUMENTS,
    "key": {"type": "str", "required": True, "no_log": False},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, read_checksums)


if __name__ == "__main__":
    main()
