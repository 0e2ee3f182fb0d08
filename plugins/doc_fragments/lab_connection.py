# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""What every module is told that reads a project's data connection."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ``lab_playbook.buckets.CONNECTION_ARGUMENTS``."""

    DOCUMENTATION = r"""
options:
  data_connection:
    description: Secret with the store's credentials and the bucket's name.
    type: str
    default: aws-connection-s3-creds
  ca_certificate:
    description: File with the authority that signs Routes' certificates; empty for the system's.
    type: str
    default: ""
"""
