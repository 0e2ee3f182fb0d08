#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Sends real test digits through the page and compares the answers with their labels."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_prediction
short_description: Prove that the page recognises real digits
description:
  - Reads the first images of the test data in the bucket, which no model was trained with.
  - Sends each to the page as a picture, as a browser does, and compares the answer with the label.
  - Changes nothing. A wrong answer, or none, is a failure that says what the page said.
extends_documentation_fragment: [lab_bucket, lab_connection]
options:
  page:
    description: Address of the page.
    type: str
    required: true
  key:
    description: Key of the test data.
    type: str
    default: data/test.csv
  digits:
    description: Number of images to send.
    type: int
    default: 5
  timeout:
    description: Seconds to wait for an answer; the first one wakes the function.
    type: int
    default: 70
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Send test digits through the page
  lab_prediction:
    url: https://minio-ds-pipeline-mnist.apps.example.com
    namespace: mnist
    page: https://mnist-webapp-mnist.apps.example.com
"""

RETURN = r"""
digits:
  description: The labels, each of which the page answered.
  type: list
  elements: int
  returned: success
milliseconds:
  description: How long each answer took.
  type: list
  elements: int
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.buckets import bucket_arguments
from lab_playbook.outcome import finish
from lab_playbook.prediction import prove

ARGUMENTS = {
    **bucket_arguments(),
    "page": {"type": "str", "required": True},
    "key": {"type": "str", "default": "data/test.csv", "no_log": False},
    "digits": {"type": "int", "default": 5},
    "timeout": {"type": "int", "default": 70},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, prove)


if __name__ == "__main__":
    main()
