# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Documentation of the action of the same name, which hands over to kubernetes.core.k8s."""

DOCUMENTATION = r"""
---
module: lab_objects
short_description: Apply a batch of objects, in check mode too
description:
  - Takes what M(kubernetes.core.k8s) takes, and applies it.
  - In check mode, objects whose namespace or kind an earlier task would create count as changes.
  - What the API server refuses is told as a sentence.
options:
  template:
    description: Template of the objects, of one or several YAML documents.
    type: raw
  definition:
    description: The objects themselves.
    type: raw
  apply:
    description: Whether what is sent is what these playbooks want, apart from what others want.
    type: bool
    default: false
  server_side_apply:
    description: >-
      With O(apply), the API server itself keeps apart whose each field is; C(field_manager) and
      C(force_conflicts) as M(kubernetes.core.k8s) has them.
    type: dict
  wait:
    description: Whether to wait until the objects are as wanted; never in check mode.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for each object.
    type: int
    default: 120
  wait_condition:
    description: Condition that each object must have.
    type: dict
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Create the projects
  lab_objects:
    template: objects.yml.j2
"""

RETURN = r"""
result:
  description: What kubernetes.core.k8s returns.
  type: complex
  returned: success
  contains: {}
"""
