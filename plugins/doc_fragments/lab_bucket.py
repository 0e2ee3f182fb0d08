# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""What every module that reaches a project's bucket is told."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ``lab_storage.bucket_arguments``."""

    DOCUMENTATION = r"""
options:
  url:
    description: Address of the object store.
    type: str
    required: true
  namespace:
    description: Namespace of the data connection.
    type: str
    required: true
  data_connection:
    description: Secret with the store's credentials and the bucket's name.
    type: str
    default: aws-connection-s3-creds
  ca_certificate:
    description: File with the authority that signs Routes' certificates; empty for the system's.
    type: str
    default: ""
"""
