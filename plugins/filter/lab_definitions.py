# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""The resource definitions of a version of OpenShift AI, for templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from resource_definitions.definitions import UnknownVersionError, definitions, over

DOCUMENTATION = r"""
name: lab_definitions
short_description: The resource definitions of a version of OpenShift AI
description:
  - Every CustomResourceDefinition that the platform brings when it plays the version, as strict as
    upstream's.
options:
  _input:
    description: The version, as C(2.25).
    type: str
    required: true
  present:
    description: The definitions that the cluster has.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Install the custom resource definitions
  kubernetes.core.k8s:
    definition: "{{ platform_crds_version | lab_definitions([]) }}"
"""

RETURN = r"""
_value:
  description: The definitions, by name.
  type: list
  elements: dict
"""


def lab_definitions(version: str, present: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The definitions of a version, each as a replacement of the one that the cluster has."""
    try:
        return over(definitions(version), present)
    except UnknownVersionError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters of this file."""
        return {"lab_definitions": lab_definitions}
