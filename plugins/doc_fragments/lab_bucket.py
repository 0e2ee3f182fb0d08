# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""What every module that reaches a project's bucket is told, beside its data connection."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of ``bucket_arguments`` in ``lab_playbook.buckets``, but ``lab_connection``'s."""

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
"""
