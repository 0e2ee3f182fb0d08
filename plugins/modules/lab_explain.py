# Copyright: the MNIST lab suite's authors
# Apache License 2.0 (see LICENSE)
"""Say in one sentence why an object of the cluster is not as it should be."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: lab_explain
short_description: Say in one sentence why an object is not ready
description:
  - Reads an object, its conditions, events, pods, their last log lines, its claims and quotas,
    and says which step failed, on which object, for what cause, and which command shows more.
  - Changes nothing, reads no Secret, and masks whatever looks like a credential.
  - Made for C(rescue) blocks, where it ends the play with that sentence.
options:
  kind:
    description: Kind of the object.
    type: str
    required: true
  name:
    description: Name of the object.
    type: str
    required: true
  namespace:
    description: Its namespace; empty for a kind that lives outside of namespaces.
    type: str
    default: ""
  api_version:
    description: Its group and version; needed only where two groups have such a kind.
    type: str
    default: ""
  step:
    description: The step that failed, usually C(ansible_failed_task.name).
    type: str
    default: ""
  fail:
    description: Whether to fail with the sentence as message, or only to return it.
    type: bool
    default: true
  kubeconfig:
    description: Path of the kubeconfig; the environment's when left out.
    type: path
author:
  - MNIST lab suite
"""

EXAMPLES = r"""
- name: Wait for the pipeline server
  block:
    - name: Wait until the pipeline server is ready
      ansible.builtin.include_tasks: wait.yml
  rescue:
    - name: Say why the pipeline server is not ready
      lab_explain:
        kind: DataSciencePipelinesApplication
        name: ds-pipeline
        namespace: "{{ lab_namespace }}"
        step: "{{ ansible_failed_task.name }}"
"""

RETURN = r"""
sentence:
  description: All of it in one sentence.
  type: str
  returned: always
object:
  description: Kind and name of the object.
  type: str
  returned: always
cause:
  description: What is wrong with it.
  type: str
  returned: always
command:
  description: The command to see more.
  type: str
  returned: always
certain:
  description: Whether anything in the cluster says what is wrong.
  type: bool
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from lab_playbook.explaining import explain
from lab_playbook.outcome import finish

ARGUMENTS = {
    "kind": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": ""},
    "api_version": {"type": "str", "default": ""},
    "step": {"type": "str", "default": ""},
    "fail": {"type": "bool", "default": True},
    "kubeconfig": {"type": "path"},
}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    finish(module, explain)


if __name__ == "__main__":
    main()
