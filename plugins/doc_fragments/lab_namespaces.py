# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""What every module is told that looks into several seats."""

from __future__ import annotations


class ModuleDocFragment:
    """The option ``namespaces``."""

    DOCUMENTATION = r"""
options:
  namespaces:
    description: The namespaces to look in.
    type: list
    elements: str
    required: true
"""
